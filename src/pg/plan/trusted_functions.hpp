// The functions whose conditions may be evaluated on a row before its policy: a table, with the reason for
// each.
//
// All are the server's own, named by OIDs that never change. A function is listed if it raises no error for
// any value of its arguments, and does not reveal them: it can then run on a hidden row without any effect
// on a result or an error. The server's own leakproof functions need no entry. For each new entry, add edge
// cases to sql/trusted_functions.sql.
//
// Left out: casts from text, arithmetic on columns, to_tsvector() and json's operators, which raise errors
// for some values; regular expressions and jsonpath, which take long or raise errors depending on their
// pattern; similarity of trigrams, citext, hstore and ltree, which are extensions' (a DBA can add them by
// name: tenancy.trust_function()); comparison of records and of ranges or arrays of user-defined types,
// which calls users' functions.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// The permitted types of arguments.
enum class Arguments : int {
  declared,  // of the types that the function declares
  enums,     // of an enum: its labels' order is data
  arrays,    // arrays of a scalar type of the server's own, or of an enum
  ranges,    // a range type of the server's own, and its bounds' type
};

/// Requirements on arguments during planning.
enum class Known : int {
  nothing,
  pattern,  // the second argument, and it ends with no escape half-way: an error that only matching rows get
  either,   // one of the two, with few levels: to these, the other one is read
  clock,    // the time now
  clock_unit,  // the first is a unit of time, the second the time now
  clock_span,  // the first is the time now, the second no more than 1,000 years
  words,       // what is searched for, with few parts
  short_text,  // the last, and of less than a kilobyte: longer words are an error
};

/// Deterministic: with others, patterns are an error.
enum class Collation : int { none, deterministic };

struct TrustedFunction {
  Oid function;
  Arguments arguments;
  Collation collation;
  Known known;
  const char *reason;
};

namespace reason {
inline constexpr const char *labels = "compares two positions in the enum's order";
inline constexpr const char *numbers = "compares numbers of any size, NaN and infinity among them";
inline constexpr const char *times = "compares times; one that the other type cannot hold counts as infinity";
inline constexpr const char *pattern = "matches text against a pattern that is known to be well formed";
inline constexpr const char *lower_upper =
    "was worked out when the row was written, or the index could not be";
inline constexpr const char *json = "jsonb is well formed when it is stored; reads as deep as the known side";
inline constexpr const char *json_part = "jsonb is well formed when it is stored; what is absent is NULL";
inline constexpr const char *json_order = "walks both documents in step, without recursion";
inline constexpr const char *arrays = "compares elements by the order of their type, which raises for none";
inline constexpr const char *ranges = "compares bounds by the order of their type, which raises for none";
inline constexpr const char *words = "looks words up in a sorted list; reads the search as deep as it is";
inline constexpr const char *now = "is the same for all rows";
inline constexpr const char *span = "of the time now, no further than a span that cannot overflow";
inline constexpr const char *query = "of a short text, in which any character is allowed";
}  // namespace reason

// clang-format off
#define TENANCY_COMPARISONS(name, arguments, collation, why) \
  {F_##name##_EQ, arguments, collation, Known::nothing, why}, \
  {F_##name##_NE, arguments, collation, Known::nothing, why}, \
  {F_##name##_LT, arguments, collation, Known::nothing, why}, \
  {F_##name##_LE, arguments, collation, Known::nothing, why}, \
  {F_##name##_GT, arguments, collation, Known::nothing, why}, \
  {F_##name##_GE, arguments, collation, Known::nothing, why}
#define TENANCY_TIMES(one, other) \
  {F_##one##_EQ_##other, Arguments::declared, Collation::none, Known::nothing, reason::times}, \
  {F_##one##_NE_##other, Arguments::declared, Collation::none, Known::nothing, reason::times}, \
  {F_##one##_LT_##other, Arguments::declared, Collation::none, Known::nothing, reason::times}, \
  {F_##one##_LE_##other, Arguments::declared, Collation::none, Known::nothing, reason::times}, \
  {F_##one##_GT_##other, Arguments::declared, Collation::none, Known::nothing, reason::times}, \
  {F_##one##_GE_##other, Arguments::declared, Collation::none, Known::nothing, reason::times}

inline constexpr TrustedFunction trusted_functions[] = {
  TENANCY_COMPARISONS(ENUM, Arguments::enums, Collation::none, reason::labels),
  TENANCY_COMPARISONS(NUMERIC, Arguments::declared, Collation::none, reason::numbers),

  TENANCY_TIMES(DATE, TIMESTAMP),
  TENANCY_TIMES(DATE, TIMESTAMPTZ),
  TENANCY_TIMES(TIMESTAMP, DATE),
  TENANCY_TIMES(TIMESTAMP, TIMESTAMPTZ),
  TENANCY_TIMES(TIMESTAMPTZ, DATE),
  TENANCY_TIMES(TIMESTAMPTZ, TIMESTAMP),

  {F_TEXTLIKE, Arguments::declared, Collation::deterministic, Known::pattern, reason::pattern},
  {F_TEXTICLIKE, Arguments::declared, Collation::deterministic, Known::pattern, reason::pattern},
  {F_LOWER_TEXT, Arguments::declared, Collation::deterministic, Known::nothing, reason::lower_upper},
  {F_UPPER_TEXT, Arguments::declared, Collation::deterministic, Known::nothing, reason::lower_upper},

  TENANCY_COMPARISONS(JSONB, Arguments::declared, Collation::none, reason::json_order),
  {F_JSONB_CONTAINS, Arguments::declared, Collation::none, Known::either, reason::json},
  {F_JSONB_CONTAINED, Arguments::declared, Collation::none, Known::either, reason::json},
  {F_JSONB_EXISTS, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_EXISTS_ANY, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_EXISTS_ALL, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_OBJECT_FIELD, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_OBJECT_FIELD_TEXT, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_ARRAY_ELEMENT, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_ARRAY_ELEMENT_TEXT, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_EXTRACT_PATH, Arguments::declared, Collation::none, Known::nothing, reason::json_part},
  {F_JSONB_EXTRACT_PATH_TEXT, Arguments::declared, Collation::none, Known::nothing, reason::json_part},

  TENANCY_COMPARISONS(ARRAY, Arguments::arrays, Collation::deterministic, reason::arrays),
  {F_ARRAYCONTAINS, Arguments::arrays, Collation::deterministic, Known::nothing, reason::arrays},
  {F_ARRAYCONTAINED, Arguments::arrays, Collation::deterministic, Known::nothing, reason::arrays},
  {F_ARRAYOVERLAP, Arguments::arrays, Collation::deterministic, Known::nothing, reason::arrays},

  TENANCY_COMPARISONS(RANGE, Arguments::ranges, Collation::none, reason::ranges),
  {F_RANGE_CONTAINS, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_RANGE_CONTAINED_BY, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_RANGE_CONTAINS_ELEM, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_ELEM_CONTAINED_BY_RANGE, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_RANGE_OVERLAPS, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_RANGE_BEFORE, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_RANGE_AFTER, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_RANGE_OVERLEFT, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},
  {F_RANGE_OVERRIGHT, Arguments::ranges, Collation::none, Known::nothing, reason::ranges},

  {F_TS_MATCH_VQ, Arguments::declared, Collation::none, Known::words, reason::words},
  {F_TS_MATCH_QV, Arguments::declared, Collation::none, Known::words, reason::words},
  {F_PLAINTO_TSQUERY_TEXT, Arguments::declared, Collation::none, Known::short_text, reason::query},
  {F_PLAINTO_TSQUERY_REGCONFIG_TEXT, Arguments::declared, Collation::none, Known::short_text, reason::query},
  {F_PHRASETO_TSQUERY_TEXT, Arguments::declared, Collation::none, Known::short_text, reason::query},
  {F_PHRASETO_TSQUERY_REGCONFIG_TEXT, Arguments::declared, Collation::none, Known::short_text, reason::query},
  {F_WEBSEARCH_TO_TSQUERY_TEXT, Arguments::declared, Collation::none, Known::short_text, reason::query},
  {F_WEBSEARCH_TO_TSQUERY_REGCONFIG_TEXT, Arguments::declared, Collation::none, Known::short_text, reason::query},

  {F_NOW, Arguments::declared, Collation::none, Known::nothing, reason::now},
  {F_TRANSACTION_TIMESTAMP, Arguments::declared, Collation::none, Known::nothing, reason::now},
  {F_STATEMENT_TIMESTAMP, Arguments::declared, Collation::none, Known::nothing, reason::now},
  {F_DATE_TIMESTAMPTZ, Arguments::declared, Collation::none, Known::clock, reason::span},
  {F_DATE_TIMESTAMP, Arguments::declared, Collation::none, Known::clock, reason::span},
  {F_TIMESTAMP_TIMESTAMPTZ, Arguments::declared, Collation::none, Known::clock, reason::span},
  {F_TIMESTAMP_DATE, Arguments::declared, Collation::none, Known::clock, reason::span},
  {F_TIMESTAMPTZ_TIMESTAMP, Arguments::declared, Collation::none, Known::clock, reason::span},
  {F_TIMESTAMPTZ_DATE, Arguments::declared, Collation::none, Known::clock, reason::span},
  {F_DATE_TRUNC_TEXT_TIMESTAMPTZ, Arguments::declared, Collation::none, Known::clock_unit, reason::span},
  {F_DATE_TRUNC_TEXT_TIMESTAMP, Arguments::declared, Collation::none, Known::clock_unit, reason::span},
  {F_TIMESTAMPTZ_MI_INTERVAL, Arguments::declared, Collation::none, Known::clock_span, reason::span},
  {F_TIMESTAMPTZ_PL_INTERVAL, Arguments::declared, Collation::none, Known::clock_span, reason::span},
  {F_TIMESTAMP_MI_INTERVAL, Arguments::declared, Collation::none, Known::clock_span, reason::span},
  {F_TIMESTAMP_PL_INTERVAL, Arguments::declared, Collation::none, Known::clock_span, reason::span},
  {F_DATE_MI_INTERVAL, Arguments::declared, Collation::none, Known::clock_span, reason::span},
  {F_DATE_PL_INTERVAL, Arguments::declared, Collation::none, Known::clock_span, reason::span},
  {F_DATE_MII, Arguments::declared, Collation::none, Known::clock_span, reason::span},
  {F_DATE_PLI, Arguments::declared, Collation::none, Known::clock_span, reason::span},
};
#undef TENANCY_COMPARISONS
#undef TENANCY_TIMES
// clang-format on

}  // namespace tenancy::pg

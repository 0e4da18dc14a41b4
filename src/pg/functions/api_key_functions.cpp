// New secrets, and the levels of their scopes.

#include <optional>
#include <span>

#include "core/access/scopes.hpp"
#include "core/credential/api_key.hpp"
#include "core/credential/network.hpp"
#include "pg/catalog/caller.hpp"
#include "pg/catalog/key_facts.hpp"
#include "pg/server/nearest.hpp"
#include "pg/server/pod_array.hpp"
#include "pg/server/quotable.hpp"
#include "pg/session/principal.hpp"

namespace tenancy::pg {
namespace {

Datum text_of(std::string_view text) {
  return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
}

[[noreturn]] void raise_unknown(const char *what, const char *word,
                                std::span<const std::string_view> candidates) {
  NearestWord nearest = nearest_to(word);
  StringInfoData list;
  initStringInfo(&list);
  for (const auto candidate : candidates) {
    const char *copy = pnstrdup(candidate.data(), candidate.size());
    consider(nearest, copy);
    appendStringInfo(&list, "%s%s", list.len == 0 ? "" : ", ", copy);
  }
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s \"%s\" is not known", what, quotable(word)),
           nearest.best != nullptr ? errhint("Perhaps you meant \"%s\".", nearest.best)
                                   : errhint("Known are: %s.", list.data)));
  pg_unreachable();
}

ApiKeyText new_secret() {
  uint8 random[api_key_random_bytes];
  if (!pg_strong_random(random, sizeof random))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
  return format_api_key(random);
}

// The texts of an array; NULLs are nullptr.
std::span<text *> texts_of(Datum array) {
  Datum *items = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
  auto *texts = static_cast<text **>(palloc(sizeof(text *) * static_cast<size_t>(count + 1)));
  for (int i = 0; i < count; i++) texts[i] = nulls[i] ? nullptr : DatumGetTextPP(items[i]);
  return {texts, static_cast<size_t>(count)};
}

std::optional<Network> network_of(const text *name) {
  if (name == nullptr) return std::nullopt;
  return network_named({VARDATA_ANY(name), static_cast<size_t>(VARSIZE_ANY_EXHDR(name))});
}

Datum names_of(std::span<const Scope> scopes) {
  PodArray<Datum> names;
  for (const Scope &scope : scopes) {
    const char *name = psprintf("%.*s.%.*s", static_cast<int>(scope.resource.size()), scope.resource.data(),
                                static_cast<int>(scope.action.size()), scope.action.data());
    names.append(CStringGetTextDatum(name));
  }
  return PointerGetDatum(construct_array(names.items, names.count, TEXTOID, -1, false, TYPALIGN_INT));
}

}  // namespace

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_generate_api_key);
Datum pg_tenancy_generate_api_key(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const ApiKeyText secret = new_secret();
  return text_of({secret.data(), secret.size()});
}

// Also returns everything that is stored of the secret, so that no statement needs the secret itself.
PG_FUNCTION_INFO_V1(pg_tenancy_issue_secret);
Datum pg_tenancy_issue_secret(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  TupleDesc descriptor = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  const ApiKeyText secret = new_secret();
  const std::string_view shown{secret.data(), secret.size()};
  Datum values[] = {text_of(shown), secret_hash_datum(pnstrdup(secret.data(), secret.size())),
                    text_of(api_key_display_prefix(shown))};
  bool nulls[lengthof(values)]{};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

PG_FUNCTION_INFO_V1(pg_tenancy_api_key_display_prefix);
Datum pg_tenancy_api_key_display_prefix(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  return text_of(api_key_display_prefix(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

// The scopes of a feature's level, as "resource.action"; the caller removes unregistered ones.
PG_FUNCTION_INFO_V1(pg_tenancy_scopes_of_level);
Datum pg_tenancy_scopes_of_level(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *feature = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char *level = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const auto levels = scope_levels(feature);
  if (levels.empty()) raise_unknown("feature", feature, scope_features());
  bool known = false;
  for (const auto candidate : levels) known = known || candidate == level;
  if (!known) raise_unknown("level", level, levels);

  return names_of(scopes_of_level(feature, level));
}

// The permissions that a single scope gives in addition to that of its name, likewise; NULL for one that is
// neither registered (the second argument) nor a level.
PG_FUNCTION_INFO_V1(pg_tenancy_scopes_of_word);
Datum pg_tenancy_scopes_of_word(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const std::string_view word = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const bool is_registered = PG_GETARG_BOOL(1);
  const size_t dot = word.find('.');
  const std::string_view feature = word.substr(0, dot);
  const std::string_view level = dot == std::string_view::npos ? std::string_view() : word.substr(dot + 1);
  if (!is_registered && !is_scope_level(feature, level)) PG_RETURN_NULL();
  return names_of(scopes_of_word(feature, level, is_registered));
}

// The actions of a level of the user's own resources; the caller removes unregistered ones.
PG_FUNCTION_INFO_V1(pg_tenancy_actions_of_level);
Datum pg_tenancy_actions_of_level(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  const char *level = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const auto levels = own_resource_levels();
  bool known = false;
  for (const auto candidate : levels) known = known || candidate == level;
  if (!known) raise_unknown("level", level, levels);

  PodArray<Datum> actions;
  for (const auto action : actions_of_level(level)) actions.append(text_of(action));
  PG_RETURN_ARRAYTYPE_P(construct_array(actions.items, actions.count, TEXTOID, -1, false, TYPALIGN_INT));
}

// The default levels of a new key, as pairs of feature and level.
PG_FUNCTION_INFO_V1(pg_tenancy_default_scope_levels);
Datum pg_tenancy_default_scope_levels(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PodArray<Datum> words;
  for (const DefaultLevel &one : default_scope_levels()) {
    words.append(text_of(one.feature));
    words.append(text_of(one.level));
  }
  PG_RETURN_ARRAYTYPE_P(construct_array(words.items, words.count, TEXTOID, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(pg_tenancy_unknown_network);
Datum pg_tenancy_unknown_network(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  for (text *name : texts_of(PG_GETARG_DATUM(0)))
    if (!network_of(name)) {
      if (name == nullptr) PG_RETURN_DATUM(text_of(""));
      PG_RETURN_TEXT_P(name);
    }
  PG_RETURN_NULL();
}

// A text that is no network is in none, and has none.
PG_FUNCTION_INFO_V1(pg_tenancy_networks_cover);
Datum pg_tenancy_networks_cover(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  if (PG_ARGISNULL(0)) PG_RETURN_BOOL(true);
  if (PG_ARGISNULL(1)) PG_RETURN_BOOL(false);
  const auto outer_names = texts_of(PG_GETARG_DATUM(0));
  for (const text *inner_name : texts_of(PG_GETARG_DATUM(1))) {
    const auto inner = network_of(inner_name);
    bool is_covered = false;
    for (const text *outer_name : outer_names)
      if (const auto outer = network_of(outer_name); inner && outer && contains(*outer, *inner))
        is_covered = true;
    if (!is_covered) PG_RETURN_BOOL(false);
  }
  PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(pg_tenancy_presented_key);
Datum pg_tenancy_presented_key(PG_FUNCTION_ARGS) {
  require_internal_call(fcinfo);
  PG_RETURN_DATUM(uuid_datum(presented_api_key()));
}
}

}  // namespace tenancy::pg

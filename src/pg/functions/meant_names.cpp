#include "pg/functions/meant_names.hpp"

#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

constexpr char marker[] = "/* tenancy means";

post_parse_analyze_hook_type next_analyze = nullptr;

// The rest of a comment such as "/* tenancy means 16402 16410 = 96 */".
struct Meant {
  const char *relations;
  const char *operators;
};

// InvalidOid: no further one.
Oid next_oid(const char *&list) {
  char *end = nullptr;
  const auto oid = static_cast<Oid>(strtoul(list, &end, 10));
  if (end == list) return InvalidOid;
  list = end;
  return oid;
}

bool is_among(Oid oid, const char *list) {
  for (Oid meant = next_oid(list); OidIsValid(meant); meant = next_oid(list))
    if (meant == oid) return true;
  return false;
}

void check_relations(const Query *query, Meant *meant) {
  const ListCell *cell = nullptr;
  foreach (cell, query->rtable) {
    const auto *entry = static_cast<const RangeTblEntry *>(lfirst(cell));
    if (entry->rtekind != RTE_RELATION) continue;
    const Oid relation = next_oid(meant->relations);
    if (relation != entry->relid) raise_renamed(relation);
  }
}

void check_operator(Oid found, const Meant *meant) {
  if (found < FirstNormalObjectId || is_among(found, meant->operators)) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("an operator of a foreign key, or its schema, has been renamed meanwhile"),
                  errhint("Try again.")));
}

extern "C" {
static bool check_names(Node *node, void *context) {
  if (node == nullptr) return false;
  auto *meant = static_cast<Meant *>(context);
  if (IsA(node, Query)) {
    auto *query = reinterpret_cast<Query *>(node);
    check_relations(query, meant);
    return walk_query(query, check_names, context);
  }
  if (IsA(node, OpExpr) || IsA(node, DistinctExpr))
    check_operator(reinterpret_cast<const OpExpr *>(node)->opno, meant);
  return walk_expression(node, check_names, context);
}

// Nothing of it has run yet. Others who write such a comment have their statement checked, too.
static void analyzed(ParseState *state, Query *query, QueryJumble *jumble) {
  if (next_analyze != nullptr) next_analyze(state, query, jumble);
  const char *text = state->p_sourcetext;
  if (text == nullptr || strncmp(text, marker, strlen(marker)) != 0) return;
  text += strlen(marker);
  const char *operators = strchr(text, '=');
  Meant meant{text, operators == nullptr ? "" : operators + 1};
  (void)check_names(reinterpret_cast<Node *>(query), &meant);
  const Oid unnamed = next_oid(meant.relations);
  if (OidIsValid(unnamed)) raise_renamed(unnamed);
}
}

}  // namespace

const char *qualified(Oid relation) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
}

const char *only(Oid relation) {
  return get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ";
}

void begin_statement(StringInfo sql, std::initializer_list<Oid> relations,
                     std::initializer_list<Oid> operators) {
  initStringInfo(sql);
  appendStringInfoString(sql, marker);
  for (const Oid relation : relations) appendStringInfo(sql, " %u", relation);
  appendStringInfoString(sql, " =");
  for (const Oid one : operators) appendStringInfo(sql, " %u", one);
  appendStringInfoString(sql, " */ ");
}

void raise_renamed(Oid relation) {
  const char *name = get_rel_name(relation);
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  name == nullptr ? errmsg("a table has been dropped or renamed meanwhile")
                                  : errmsg("table \"%s\", or its schema, has been renamed meanwhile", name),
                  errhint("Try again.")));
  pg_unreachable();
}

void register_meant_names() {
  next_analyze = post_parse_analyze_hook;
  post_parse_analyze_hook = analyzed;
}

}  // namespace tenancy::pg

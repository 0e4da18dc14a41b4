#include "pg/plan/users_code.hpp"

#include <algorithm>

#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

bool is_own(Oid object) { return object < FirstGenbkiObjectId; }

bool is_any_type(Oid type) {
  return IsPolymorphicType(type) || type == ANYOID || type == RECORDOID || type == RECORDARRAYOID;
}

bool is_for_any_type(Oid function) {
  Oid *types = nullptr;
  int count = 0;
  if (is_any_type(get_func_signature(function, &types, &count))) return true;
  return std::any_of(types, types + count, is_any_type);
}

// Of the server's functions that have no side effects: those that read tables, views included, into XML, and
// since PostgreSQL 16 those that call a type's input function.
bool evaluates_what_is_named(Oid function) {
  if (get_func_rettype(function) == XMLOID) return true;
  const char *name = get_func_name(function);
  if (name == nullptr) return true;
  for (const char *evaluating : {"pg_input_is_valid", "pg_input_error_info"})
    if (strcmp(name, evaluating) == 0) return true;
  return false;
}

// In C, and not to be replaced by a user. In other languages, a name can mean a user's function.
bool is_of_extension_in_c(Oid function) {
  const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  const bool is_in_c = form->prolang == ClanguageId;
  const Oid owner = form->proowner;
  ReleaseSysCache(tuple);
  return is_in_c && superuser_arg(owner) && OidIsValid(getExtensionOfObject(ProcedureRelationId, function));
}

extern "C" {
static bool can_run_users(Oid function, void *) { return can_run_users_code(function); }
}

bool calls_users_code(Node *node) { return check_functions_in_node(node, can_run_users, nullptr); }

// The server finds the comparison by the type alone.
bool compares_by_users_code(const MinMaxExpr *greatest) {
  const TypeCacheEntry *type = lookup_type_cache(greatest->minmaxtype, TYPECACHE_CMP_PROC);
  return !OidIsValid(type->cmp_proc) || can_run_users_code(type->cmp_proc);
}

bool takes_part_by_users_code(const SubscriptingRef *part) {
  return !is_own(get_typsubscript(part->refcontainertype, nullptr));
}

extern "C" {
static bool has_users_code(Node *node, void *) {
  if (node == nullptr) return false;
  switch (nodeTag(node)) {
    case T_List:
    case T_Const:
    case T_Var:
    case T_Param:
    case T_SQLValueFunction:
    case T_RelabelType:
    case T_CollateExpr:
    case T_BoolExpr:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CaseTestExpr:
    case T_CoalesceExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_ArrayExpr:
    case T_RowExpr:
    case T_FieldSelect:
    case T_ArrayCoerceExpr:
      break;
    case T_FuncExpr:
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
    case T_ScalarArrayOpExpr:
    case T_RowCompareExpr:
    case T_CoerceViaIO:
      if (calls_users_code(node)) return true;
      break;
    case T_MinMaxExpr:
      if (compares_by_users_code(reinterpret_cast<const MinMaxExpr *>(node))) return true;
      break;
    case T_SubscriptingRef:
      if (takes_part_by_users_code(reinterpret_cast<const SubscriptingRef *>(node))) return true;
      break;
    default:
      return true;
  }
  return walk_expression(node, has_users_code, nullptr);
}
}

}  // namespace

bool can_run_users_code(Oid function) {
  if (get_func_leakproof(function)) return false;
  if (is_for_any_type(function) || func_volatile(function) == PROVOLATILE_VOLATILE) return true;
  return is_own(function) ? evaluates_what_is_named(function) : !is_of_extension_in_c(function);
}

bool runs_users_code(Node *expression) { return has_users_code(expression, nullptr); }

}  // namespace tenancy::pg

#include "pg/plan/noticeable.hpp"

#include "pg/server/compat.hpp"

namespace tenancy::pg {
namespace {

// Leakproof functions raise errors all the same: for a collation that is unknown, or not deterministic; and
// for circles and lines whose area or length is no number.
bool has_other_collation(Oid collation, const List *arguments) {
  if (OidIsValid(collation)) return !get_collation_isdeterministic(collation);
  const ListCell *cell = nullptr;
  foreach (cell, arguments)
    if (type_is_collatable(exprType(static_cast<Node *>(lfirst(cell))))) return true;
  return false;
}

bool has_geometry(const List *arguments) {
  const ListCell *cell = nullptr;
  foreach (cell, arguments) {
    const Oid type = exprType(static_cast<Node *>(lfirst(cell)));
    if (type == CIRCLEOID || type == LSEGOID) return true;
  }
  return false;
}

bool can_raise(Oid collation, const List *arguments) {
  return has_other_collation(collation, arguments) || has_geometry(arguments);
}

bool any_can_raise(const RowCompareExpr *compare) {
  const ListCell *left = nullptr;
  const ListCell *collation = nullptr;
  forboth(left, compare->largs, collation,
          compare->inputcollids) if (can_raise(lfirst_oid(collation), list_make1(lfirst(left)))) return true;
  return false;
}

// Of composite values: its comparison raises an error if their columns have none.
bool compares_silently(const MinMaxExpr *greatest) {
  const TypeCacheEntry *type = lookup_type_cache(greatest->minmaxtype, TYPECACHE_CMP_PROC);
  return OidIsValid(type->cmp_proc) && get_func_leakproof(type->cmp_proc) &&
         !can_raise(greatest->inputcollid, greatest->args);
}

extern "C" {
static bool is_leaky(Oid function, void *) { return !get_func_leakproof(function); }

static bool has_noticeable(Node *node, void *) {
  if (node == nullptr) return false;
  return is_noticeable_itself(node) || walk_expression(node, has_noticeable, nullptr);
}
}

}  // namespace

bool is_noticeable_itself(Node *node) {
  switch (nodeTag(node)) {
    case T_Var:
    case T_Const:
    case T_SQLValueFunction:
    case T_RelabelType:
    case T_BoolExpr:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CaseTestExpr:
    case T_CoalesceExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_RowExpr:
    case T_FieldSelect:
    case T_List:
      return false;
    case T_Param:
      return reinterpret_cast<const Param *>(node)->paramkind != PARAM_EXTERN;
    case T_ArrayExpr:
      // of arrays: an error where their sizes differ
      return reinterpret_cast<const ArrayExpr *>(node)->multidims;
    case T_MinMaxExpr:
      return !compares_silently(reinterpret_cast<const MinMaxExpr *>(node));
    case T_RowCompareExpr:
      return check_functions_in_node(node, is_leaky, nullptr) ||
             any_can_raise(reinterpret_cast<const RowCompareExpr *>(node));
    case T_FuncExpr: {
      const auto *call = reinterpret_cast<const FuncExpr *>(node);
      return !get_func_leakproof(call->funcid) || can_raise(call->inputcollid, call->args);
    }
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr: {
      const auto *call = reinterpret_cast<const OpExpr *>(node);
      return check_functions_in_node(node, is_leaky, nullptr) || can_raise(call->inputcollid, call->args);
    }
    case T_ScalarArrayOpExpr: {
      const auto *call = reinterpret_cast<const ScalarArrayOpExpr *>(node);
      return check_functions_in_node(node, is_leaky, nullptr) || can_raise(call->inputcollid, call->args);
    }
    default:
      return true;
  }
}

bool is_noticeable(Node *expression) { return has_noticeable(expression, nullptr); }

}  // namespace tenancy::pg

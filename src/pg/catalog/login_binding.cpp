#include "pg/catalog/login_binding.hpp"

namespace tenancy::pg {
namespace {

struct {
  Oid login;
  CatalogToken token;
  LoginBinding binding;
} last_binding{};

}  // namespace

LoginBinding read_login_binding(const CatalogRead &read, Oid login) {
  // A session keeps its login, and needs the binding at each change of its principal.
  if (last_binding.login == login && last_binding.token == read.start.token) return last_binding.binding;
  LoginBinding binding{};
  ScanKeyData key;
  equals(&key, attribute::login_bindings::login, F_OIDEQ, ObjectIdGetDatum(login));
  CatalogScan scan = begin_scan(read, CatalogIndex::login_bindings_pkey, 1, &key);
  if (const HeapTuple tuple = next_tuple(scan); HeapTupleIsValid(tuple))
    binding = {bool_column(scan, tuple, attribute::login_bindings::trusted),
               uuid_column(scan, tuple, attribute::login_bindings::user_id),
               uuid_column(scan, tuple, attribute::login_bindings::organization_id),
               uuid_column(scan, tuple, attribute::login_bindings::workspace_id)};
  end_scan(scan);
  last_binding = {login, read.start.token, binding};
  return binding;
}

}  // namespace tenancy::pg

// The user that a login is bound to.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

/// Nil ids for no binding.
struct LoginBinding {
  bool trusted;
  Uuid user;
  Uuid organization;
  Uuid workspace;
};
/// CACHES: the last login's, until a catalog changes.
LoginBinding read_login_binding(const CatalogRead &read, Oid login);

}  // namespace tenancy::pg

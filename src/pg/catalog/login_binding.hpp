// Whom a login is bound to.
#pragma once

#include "pg/catalog/catalog_read.hpp"

namespace tenancy::pg {

struct LoginBinding {
  bool trusted;
  Uuid user;
  Uuid organization;
  Uuid workspace;
};
LoginBinding read_login_binding(const CatalogRead &read, Oid login);

}  // namespace tenancy::pg

// Work of the extension on users' tables.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct OwnerWork {
  Oid user;
  int security;
  int level;
};

/// Becomes the owner of a table, in a security-restricted operation with this search_path, until
/// end_owner_work(); the session's principal is suspended. A statement that is to see all rows of the owner's
/// tables runs in run_exempt(). After an error the end of the (sub)transaction restores all of it.
OwnerWork begin_owner_work(Oid owner, const char *search_path);
void end_owner_work(const OwnerWork &work);

}  // namespace tenancy::pg

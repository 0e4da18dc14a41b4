// Settings that stay as they are while others' code runs in the midst of a function with other rights.
#pragma once

#include "pg/server/pg_prelude.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "commands/extension.h"
}

namespace tenancy::pg {

/// Begins a level of settings, of which nothing stays after restore_settings(), in an extension's script, and
/// where the session's search_path is one that functions pin: it begins with pg_catalog. RETURNS 0 elsewhere,
/// where settings are the session's own. After an error, the end of the (sub)transaction restores them.
inline int keep_settings() {
  constexpr char pinned[] = "pg_catalog";
  const bool is_pinned =
      creating_extension ||
      (namespace_search_path != nullptr && strncmp(namespace_search_path, pinned, sizeof pinned - 1) == 0);
  return is_pinned ? NewGUCNestLevel() : 0;
}

inline void restore_settings(int level) {
  if (level != 0) AtEOXact_GUC(false, level);
}

}  // namespace tenancy::pg

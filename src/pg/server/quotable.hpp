// Texts of callers, in messages.
#pragma once

#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

/// RETURNS the text, cut at the end of a character: with each message that quotes it, it goes to the server's
/// log.
inline const char *quotable(const char *text) {
  constexpr int most = 200;
  const auto length = static_cast<int>(strlen(text));
  return length <= most ? text : psprintf("%.*s...", pg_mbcliplen(text, length, most), text);
}

}  // namespace tenancy::pg

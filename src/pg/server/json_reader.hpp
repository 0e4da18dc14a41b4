// Reads JSON objects with the server's own parser, without its errors.
#pragma once

#include "core/credential/json_object.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct JsonRead {
  const char *problem;  // the reason why the text isn't a readable object, or nullptr
  JsonObject object;
};
/// Reads an object's members, in the current memory context; values nested deeper than a list of texts are
/// not kept. REJECTS (as a problem, never an error): malformed or deeply nested JSON, repeated names, bytes
/// that aren't UTF-8. Texts are UTF-8 in every database encoding. Overwrites the text.
JsonRead read_json_object(char *text, size_t length);

/// Whether a text from JSON can be converted to the database's encoding; always if that is UTF-8.
bool is_database_text(std::string_view text);

}  // namespace tenancy::pg

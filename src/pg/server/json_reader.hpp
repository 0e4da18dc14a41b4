// JSON objects by the server's own parser, without its errors.
#pragma once

#include "core/credential/json_object.hpp"
#include "pg/server/pg_prelude.hpp"

namespace tenancy::pg {

struct JsonRead {
  const char *problem;  // why the text isn't an object that can be read, or nullptr
  JsonObject object;
};
/// Reads an object's members, in the current memory context; what lies deeper than a list of texts is not
/// kept. Malformed or deeply nested JSON, repeated names, and bytes that aren't UTF-8 are a problem, never an
/// error. The texts are UTF-8, whatever the database's encoding is. Overwrites the text.
JsonRead read_json_object(char *text, size_t length);

/// Whether a text from JSON may be compared with, or made, text of the database: always when it is UTF-8,
/// too.
bool is_database_text(std::string_view text);

}  // namespace tenancy::pg

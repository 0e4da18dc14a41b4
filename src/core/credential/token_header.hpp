// A token's header (RFC 7515, section 4): the key it names, and reasons to reject it at once.
#pragma once

#include "core/credential/json_object.hpp"

namespace tenancy {

struct TokenHeader {
  std::string_view algorithm;  // as claimed; the key's algorithm counts
  std::string_view key_id;
};

/// Reads a header. Returns nullptr, or the problem, for a log. Ignores keys in the header and links to keys
/// (jwk, jku, x5c, x5u).
const char *read_token_header(const JsonObject &object, TokenHeader &header) noexcept;

}  // namespace tenancy

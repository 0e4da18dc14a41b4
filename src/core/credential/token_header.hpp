// A token's header (RFC 7515, section 4): which key it names, and what makes it not even a candidate.
#pragma once

#include "core/credential/json_object.hpp"

namespace tenancy {

struct TokenHeader {
  std::string_view algorithm;  // what it claims; what counts is the key's
  std::string_view key_id;
};

/// Reads a header. Says what is wrong with it, for a log, or nullptr. Keys that a header brings along or
/// points to (jwk, jku, x5c, x5u) are not looked at.
const char *read_token_header(const JsonObject &object, TokenHeader &header) noexcept;

}  // namespace tenancy

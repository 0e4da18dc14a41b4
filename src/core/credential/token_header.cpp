#include "core/credential/token_header.hpp"

#include <algorithm>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

bool is_jwt(std::string_view type) noexcept {
  constexpr std::string_view jwt = "jwt";
  return std::equal(type.begin(), type.end(), jwt.begin(), jwt.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

}  // namespace

const char *read_token_header(const JsonObject &object, TokenHeader &header) noexcept {
  const JsonValue algorithm = object["alg"], type = object["typ"], key_id = object["kid"];
  // The header demands an extension to be understood (crit), and none is supported.
  if (object["crit"].is_given()) return "the header has critical extensions";
  if (!algorithm.is_text()) return "the header has no algorithm";
  if (type.is_given() && !(type.is_text() && is_jwt(type.text))) return "the header's type is not JWT";
  if (!key_id.is_text() || key_id.text.empty()) return "the header names no key";
  header = {algorithm.text, key_id.text};
  return nullptr;
}

}  // namespace tenancy

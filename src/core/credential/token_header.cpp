#include "core/credential/token_header.hpp"

#include <algorithm>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

bool is_in_any_case(std::string_view text, std::string_view lower) noexcept {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

// A JWT, or an access token (RFC 9068): not a token of another kind that the same key signs.
bool is_token_type(std::string_view type) noexcept {
  for (const std::string_view known : {"jwt", "at+jwt", "application/at+jwt"})
    if (is_in_any_case(type, known)) return true;
  return false;
}

}  // namespace

const char *read_token_header(const JsonObject &object, TokenHeader &header) noexcept {
  const JsonValue algorithm = object["alg"], type = object["typ"], key_id = object["kid"];
  // The header demands an extension to be understood (crit), and none is supported.
  if (object["crit"].is_given()) return "the header has critical extensions";
  if (!algorithm.is_text()) return "the header has no algorithm";
  if (type.is_given() && !(type.is_text() && is_token_type(type.text))) return "the header's type is not JWT";
  if (!key_id.is_text() || key_id.text.empty()) return "the header names no key";
  header = {algorithm.text, key_id.text};
  return nullptr;
}

}  // namespace tenancy

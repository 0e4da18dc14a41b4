// Any text can be set as an API key, and any 32 bytes can come from the random source.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "core/credential/api_key.hpp"

namespace {

using namespace tenancy;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view text) {
  const bool is_digits = std::all_of(
      text.begin() + std::min(text.size(), api_key_prefix.size()), text.end(),
      [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
  const bool is_key = is_api_key(text);
  require(!is_key || (text.size() == api_key_length && text.starts_with(api_key_prefix) && is_digits));
  require(api_key_display_prefix(text) == (is_key ? text.substr(0, api_key_display_length) : ""));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  check({reinterpret_cast<const char *>(data), size});
  if (size < api_key_random_bytes) return 0;

  const ApiKeyText key =
      format_api_key(std::span<const std::uint8_t, api_key_random_bytes>(data, api_key_random_bytes));
  require(is_api_key({key.data(), key.size()}));
  check({key.data(), key.size()});

  // The bytes that are left are typing errors; the checksum tells any single one.
  ApiKeyText mistyped = key;
  for (std::size_t i = api_key_random_bytes; i + 1 < size; i += 2) {
    const std::size_t where = data[i] % api_key_length;
    mistyped[where] = static_cast<char>(data[i + 1]);
    require(is_api_key({mistyped.data(), mistyped.size()}) == (mistyped == key));
    mistyped[where] = key[where];
  }
  return 0;
}

#include "core/credential/compact_token.hpp"

// Last.
#include "core/no_server.hpp"

namespace tenancy {

std::optional<CompactToken> split_compact_token(std::string_view token) noexcept {
  if (token.size() > max_token_length) return std::nullopt;
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;

  const CompactToken parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
                           token.substr(second + 1), token.substr(0, second)};
  if (parts.header.empty() || parts.payload.empty() || parts.signature.empty()) return std::nullopt;
  return parts;
}

}  // namespace tenancy

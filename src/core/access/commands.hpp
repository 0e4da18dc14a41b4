// The permissions that a command on a protected table needs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tenancy {

/// view: reading full content. list: reading where there is only metadata.
enum class Command : std::uint8_t { view, list, insert, update, remove };

std::optional<Command> command_named(std::string_view name) noexcept;

/// Actions of which any one is enough; empty names are unused. `has_view` says whether the resource has an
/// action `view`; if not, `list` replaces it.
using EnoughActions = std::array<std::string_view, 2>;
EnoughActions actions_enough_for(Command command, std::string_view resource, bool has_view) noexcept;

}  // namespace tenancy

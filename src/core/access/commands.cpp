#include "core/access/commands.hpp"

#include "core/access/model.hpp"

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::array<std::string_view, 5> command_names = {"view", "list", "insert", "update", "delete"};

}  // namespace

std::optional<Command> command_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < command_names.size(); ++i)
    if (command_names[i] == name) return static_cast<Command>(i);
  return std::nullopt;
}

EnoughActions actions_enough_for(Command command, std::string_view resource, bool has_view) noexcept {
  const bool append_only = is_append_only(resource);
  switch (command) {
    case Command::view:
      return {has_view ? "view" : "list", ""};
    case Command::list:
      return {"view", "list"};
    case Command::insert:
      return {"write", append_only ? "" : "create"};
    case Command::update:
      return append_only ? EnoughActions{} : EnoughActions{"update", "edit"};
    case Command::remove:
      return append_only ? EnoughActions{} : EnoughActions{"delete", ""};
  }
  return {};
}

}  // namespace tenancy

// The levels at which an API key's scopes are given, feature by feature.
#pragma once

#include <span>
#include <string_view>

namespace tenancy {

/// The owner of a key chooses a level for each feature. A feature stands for one resource, or for several
/// (completions).
struct Scope {
  std::string_view resource;
  std::string_view action;
};

/// Names of all features.
std::span<const std::string_view> scope_features() noexcept;

/// Names of a feature's levels, empty for an unknown feature.
std::span<const std::string_view> scope_levels(std::string_view feature) noexcept;

/// The permissions of a feature's level, as (resource, action); unregistered ones give nothing. Empty for
/// `disabled`, and for an unknown level.
std::span<const Scope> scopes_of_level(std::string_view feature, std::string_view level) noexcept;

/// The permissions that a single scope `feature.word` gives in addition to the permission of that name, where
/// that is registered: what a completion leaves behind. Where it isn't, the word is read as a level of the
/// feature. (A registered permission is never read as a level: `prompts.delete` would come to mean more in
/// scopes that are in use.)
std::span<const Scope> scopes_of_word(std::string_view feature, std::string_view word,
                                      bool is_registered) noexcept;

/// Whether the feature has such a level.
bool is_scope_level(std::string_view feature, std::string_view level) noexcept;

/// The levels of a resource of the user's own, whose name is its feature, and the actions of each; empty for
/// `disabled`, and for an unknown level.
std::span<const std::string_view> own_resource_levels() noexcept;
std::span<const std::string_view> actions_of_level(std::string_view level) noexcept;

/// The default levels of a new key; other features are disabled.
struct DefaultLevel {
  std::string_view feature;
  std::string_view level;
};
std::span<const DefaultLevel> default_scope_levels() noexcept;

}  // namespace tenancy

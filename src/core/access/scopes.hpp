// The levels at which an API key's scopes are given, feature by feature.
#pragma once

#include <span>
#include <string_view>

namespace tenancy {

/// A feature is what a key's owner chooses a level of; it stands for one resource, or for several
/// (completions).
struct Scope {
  std::string_view resource;
  std::string_view action;
};

/// Names of all features.
std::span<const std::string_view> scope_features() noexcept;

/// Names of a feature's levels, empty for an unknown feature.
std::span<const std::string_view> scope_levels(std::string_view feature) noexcept;

/// What a level of a feature gives, as (resource, action); pairs that aren't registered give nothing. Empty
/// for `disabled`, and for a level that isn't one of the feature's.
std::span<const Scope> scopes_of_level(std::string_view feature, std::string_view level) noexcept;

/// The levels of a key for which none are named; features left out are disabled.
struct DefaultLevel {
  std::string_view feature;
  std::string_view level;
};
std::span<const DefaultLevel> default_scope_levels() noexcept;

}  // namespace tenancy

// Runs a property in many made-up worlds. All are made from one seed, so that every run is the same run.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "properties.hpp"

namespace tenancy::test {

inline constexpr std::uint64_t first_seed = 20240229;
inline constexpr int rounds = 20000;

inline void holds_in_every_world(Property property) {
  for (std::uint64_t seed = first_seed; seed < first_seed + rounds; ++seed) {
    const World world = made_up_world(seeded_choices(seed));
    const std::string wrong = property(world);
    if (!wrong.empty()) FAIL() << "seed " << seed << ": " << wrong << '\n' << text_of(world);
  }
}

}  // namespace tenancy::test

// Runs a property in many made-up worlds. All are made from one seed, so that every run is the same run.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "row_properties.hpp"

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

/// Some tables, questions and rows in each world.
inline void holds_for_rows_in_every_world(RowProperty property) {
  constexpr int cases_in_a_world = 4;
  for (std::uint64_t seed = first_seed; seed < first_seed + rounds; ++seed) {
    const Choices choices = seeded_choices(seed);
    const World world = made_up_world(choices);
    for (int i = 0; i < cases_in_a_world; ++i) {
      const RowCase asked = made_up_row_case(world, choices);
      const std::string wrong = property(world, asked);
      if (!wrong.empty()) FAIL() << "seed " << seed << ": " << wrong << '\n' << asked << text_of(world);
    }
  }
}

}  // namespace tenancy::test

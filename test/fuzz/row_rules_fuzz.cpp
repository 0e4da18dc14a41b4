// Bytes make up a world, a table and rows of it; then each row is reached or not as the access model says.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../unit/row_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace tenancy::test;
  std::size_t taken = 0;
  const Choices choices{[&] { return taken < size ? data[taken++] : 0U; }};
  const World world = made_up_world(choices);
  const RowCase asked = made_up_row_case(world, choices);
  for (const RowProperty property : row_properties) {
    const std::string wrong = property(world, asked);
    if (wrong.empty()) continue;
    const std::string text = text_of(wrong, '\n', asked, world);
    std::fputs(text.c_str(), stderr);
    std::abort();
  }
  return 0;
}

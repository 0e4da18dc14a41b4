#include "core/access/email_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

struct Range {
  std::uint32_t first, last;
};

// Unicode's categories Cc, Cf, Co, Cs, Zs, Zl, Zp, the property Default_Ignorable_Code_Point, noncharacters,
// planes in which nothing is assigned that is shown, and symbols and marks without a glyph (a blank pattern
// and notehead, a filler, joiners), in order. Other unassigned code points are shown, as a box.
constexpr Range unseen[] = {
    {0x0000, 0x0020},   {0x007F, 0x00A0},   {0x00AD, 0x00AD},   {0x034F, 0x034F},   {0x0600, 0x0605},
    {0x061C, 0x061C},   {0x06DD, 0x06DD},   {0x070F, 0x070F},   {0x0890, 0x0891},   {0x08E2, 0x08E2},
    {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x2000, 0x200F},
    {0x2028, 0x202F},   {0x205F, 0x206F},   {0x2800, 0x2800},   {0x2D7F, 0x2D7F},   {0x3000, 0x3000},
    {0x3164, 0x3164},   {0xD800, 0xF8FF},   {0xFDD0, 0xFDEF},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},   {0x1107F, 0x1107F}, {0x110BD, 0x110BD},
    {0x110CD, 0x110CD}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x13430, 0x1343F}, {0x16FE4, 0x16FE4},
    {0x1BCA0, 0x1BCA3}, {0x1D159, 0x1D159}, {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF}, {0x2FFFE, 0x2FFFF},
    {0x3FFFE, 0x10FFFF}};

bool is_unseen(std::uint32_t code_point) {
  const auto *range = std::lower_bound(std::begin(unseen), std::end(unseen), code_point,
                                       [](const Range &r, std::uint32_t point) { return r.last < point; });
  return range != std::end(unseen) && code_point >= range->first;
}

constexpr std::uint32_t no_code_point = 0xFFFFFFFF;

// RETURNS the code point at `at`, and moves `at` behind it.
std::uint32_t next_code_point(std::string_view text, std::size_t &at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : std::uint32_t{0};
  };
  const std::uint32_t first = byte(at);
  const int more = first < 0x80         ? 0
                   : (first >> 5) == 6  ? 1
                   : (first >> 4) == 14 ? 2
                   : (first >> 3) == 30 ? 3
                                        : -1;
  if (more < 0) return no_code_point;
  std::uint32_t point = more == 0 ? first : first & (0x3FU >> more);
  for (int i = 1; i <= more; i++) {
    const std::uint32_t following = byte(at + static_cast<std::size_t>(i));
    if (following >> 6 != 2) return no_code_point;
    point = point << 6 | (following & 0x3F);
  }
  at += static_cast<std::size_t>(more) + 1;
  return point;
}

}  // namespace

AddressFault fault_of_address(std::string_view utf8) noexcept {
  for (std::size_t at = 0; at < utf8.size();) {
    const std::uint32_t point = next_code_point(utf8, at);
    if (point == no_code_point) return AddressFault::not_text;
    if (is_unseen(point)) return AddressFault::invisible_character;
  }
  const std::size_t sign = utf8.find('@');
  const bool is_address = sign != std::string_view::npos && sign > 0 && sign + 1 < utf8.size() &&
                          utf8.find('@', sign + 1) == std::string_view::npos;
  return is_address ? AddressFault::none : AddressFault::not_an_address;
}

std::size_t blank_unseen(std::span<char> utf8) noexcept {
  std::size_t length = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = next_code_point({utf8.data(), utf8.size()}, at);
    if (point == no_code_point) at++;
    if (point != no_code_point && is_unseen(point)) {
      utf8[length++] = ' ';
      continue;
    }
    for (std::size_t i = begin; i < at; i++) utf8[length++] = utf8[i];
  }
  return length;
}

std::string folded_address(std::string_view address) {
  std::string folded(address);
  for (char &c : folded)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return folded;
}

}  // namespace tenancy

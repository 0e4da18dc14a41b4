// E-mail addresses as names of persons: each has one spelling, and none looks like another person's.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tenancy {

enum class AddressFault {
  none,
  not_an_address,       // no single @ with something on both sides
  invisible_character,  // a control, format, private or space character, or one that is not shown at all
  not_text              // bytes that are no UTF-8
};

/// RETURNS the fault of a text in UTF-8 as an address, if any. The caller checks normal form, which needs
/// Unicode's tables.
AddressFault fault_of_address(std::string_view utf8) noexcept;

/// Puts a space for each character of a text that an address may not have since it is not seen; bytes that
/// are no UTF-8 stay. RETURNS the length of the text now.
std::size_t blank_unseen(std::span<char> utf8) noexcept;

/// RETURNS the spelling that is stored and compared: ASCII letters in lower case, everything else unchanged,
/// whatever the locale.
std::string folded_address(std::string_view address);

}  // namespace tenancy

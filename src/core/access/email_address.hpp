// E-mail addresses as names of persons: one spelling each, and none that is read as another person's.
#pragma once

#include <string>
#include <string_view>

namespace tenancy {

enum class AddressFault {
  none,
  not_an_address,       // no single @ with something on both sides
  invisible_character,  // a control, format or space character, or one that is not shown at all
  not_text              // bytes that are no UTF-8
};

/// What is wrong with a text in UTF-8 as an address. Whether it is in normal form is for whoever has
/// Unicode's tables to say.
AddressFault fault_of_address(std::string_view utf8) noexcept;

/// The spelling that is stored and compared: ASCII letters in lower case, everything else as it is, whatever
/// the locale.
std::string folded_address(std::string_view address);

}  // namespace tenancy

#include "core/access/email_address.hpp"

#include <gtest/gtest.h>

namespace tenancy {
namespace {

TEST(EmailAddress, OneSignWithSomethingOnBothSides) {
  for (const char *address : {"mia@acme.example", "a@b", "mia+x@acme.example", "jos\xC3\xA9@acme.example"})
    EXPECT_EQ(fault_of_address(address), AddressFault::none) << address;
  for (const char *text : {"", "mia", "@", "mia@", "@acme", "a@b@c"})
    EXPECT_EQ(fault_of_address(text), AddressFault::not_an_address) << text;
}

TEST(EmailAddress, NothingThatIsNotSeen) {
  for (const char *text :
       {"mi a@b", "mia\t@b", "mia@b\n", "mia\x7F@b", "mia\xC2\xA0@b", "mia\xC2\xAD@b", "mia\xE2\x80\x8B@b",
        "mia\xE2\x80\xAE@b", "mia\xE3\x80\x80@b", "mia\xEF\xBB\xBF@b", "mia\xEF\xB8\x8F@b",
        "mia\xF3\xA0\x80\xA1@b",
        // a braille blank, a filler, a joiner, private, noncharacters, unassigned planes
        "mia\xE2\xA0\x80@b", "mia\xF0\x96\xBF\xA4@b", "mia\xF0\x91\x81\xBF@b", "mia\xEE\x80\x80@b",
        "mia\xEF\xB7\x90@b", "mia\xEF\xBF\xBE@b", "mia\xF0\x9F\xBF\xBF@b", "mia\xF1\x80\x80\x80@b",
        "mia\xF3\xA1\x80\x80@b", "mia\xF4\x8F\xBF\xBF@b"})
    EXPECT_EQ(fault_of_address(text), AddressFault::invisible_character) << text;
  // their neighbours
  for (const char *text : {"mia!@b", "mia\xC2\xA1@b", "mia\xC2\xAE@b", "mia\xE2\x80\x90@b",
                           "mia\xE2\xA0\x81@b", "mia\xEF\xA4\x80@b", "mia\xF0\xBF\xBF\xBD@b"})
    EXPECT_EQ(fault_of_address(text), AddressFault::none) << text;
}

TEST(EmailAddress, BytesThatAreNoText) {
  for (const char *text : {"mia\xC3@b", "mia\x80@b", "mia\xFF@b", "a@b\xE2\x80"})
    EXPECT_EQ(fault_of_address(text), AddressFault::not_text) << text;
}

std::string blanked(std::string text) {
  text.resize(blank_unseen(text));
  return text;
}

TEST(EmailAddress, SpacesForWhatIsNotSeen) {
  EXPECT_EQ(blanked("Ac\xE2\x80\xAEme\n\xE2\xA0\x80 Caf\xC3\xA9"), "Ac me   Caf\xC3\xA9");
  EXPECT_EQ(blanked("a\xFFz\xC3"), "a\xFFz\xC3");
  EXPECT_EQ(blanked(""), "");
}

TEST(EmailAddress, OnlyAsciiLettersAreFolded) {
  EXPECT_EQ(folded_address("Mia@ACME.Example"), "mia@acme.example");
  EXPECT_EQ(folded_address("JOS\xC3\x89@b"), "jos\xC3\x89@b");
  EXPECT_EQ(folded_address("\xE2\x84\xAA@b"), "\xE2\x84\xAA@b");  // the Kelvin sign is no k
}

}  // namespace
}  // namespace tenancy

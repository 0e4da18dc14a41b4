#include "core/credential/network.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace tenancy {
namespace {

bool is_in(const char *address, const char *network) {
  const auto inner = network_named(address), outer = network_named(network);
  return inner && outer && contains(*outer, *inner);
}

TEST(Network, HasTheAddressesWhoseFirstBitsAgree) {
  EXPECT_TRUE(is_in("10.1.2.3", "10.0.0.0/8"));
  EXPECT_FALSE(is_in("11.1.2.3", "10.0.0.0/8"));
  EXPECT_TRUE(is_in("192.168.3.255", "192.168.2.0/23"));
  EXPECT_FALSE(is_in("192.168.4.0", "192.168.2.0/23"));
  EXPECT_TRUE(is_in("203.0.113.9", "0.0.0.0/0"));
  EXPECT_TRUE(is_in("203.0.113.9", "203.0.113.9"));
  EXPECT_TRUE(is_in("203.0.113.9", "203.0.113.9/32"));
  EXPECT_FALSE(is_in("203.0.113.8", "203.0.113.9"));
  EXPECT_TRUE(is_in("2001:db8::1", "2001:db8::/32"));
  EXPECT_TRUE(is_in("2001:DB8:0:0:0:0:0:1", "2001:db8::1"));
  EXPECT_FALSE(is_in("2001:db9::1", "2001:db8::/32"));
  EXPECT_TRUE(is_in("fe80::1", "::/0"));
}

TEST(Network, TakesMappedAddressesForThoseOfIpv4) {
  EXPECT_TRUE(is_in("::ffff:10.1.2.3", "10.0.0.0/8"));
  EXPECT_TRUE(is_in("10.1.2.3", "::ffff:10.0.0.0/104"));
  EXPECT_TRUE(is_in("::ffff:a01:203", "10.0.0.0/8"));
  EXPECT_FALSE(is_in("::ffff:10.1.2.3", "::/0"));
  EXPECT_FALSE(is_in("10.1.2.3", "::/0"));
  EXPECT_FALSE(is_in("2001:db8::1", "0.0.0.0/0"));
  EXPECT_FALSE(network_named("::ffff:0.0.0.0/95"));
}

TEST(Network, OfNoAddressIsLocalAlone) {
  const auto local = network_named("local");
  ASSERT_TRUE(local);
  EXPECT_TRUE(contains(*local, no_address));
  for (const char *network : {"0.0.0.0/0", "::/0", "127.0.0.1", "::1"}) {
    EXPECT_FALSE(contains(*network_named(network), no_address)) << network;
    EXPECT_FALSE(contains(no_address, *network_named(network))) << network;
  }
}

TEST(Network, IsRefusedInFormsThatCanBeReadInSeveralWays) {
  for (const char *text : {"",
                           " ",
                           "10",
                           "10.1",
                           "10.0.0",
                           "10.0.0.0.0",
                           "010.0.0.1",
                           "10.0.0.256",
                           "10.0.0.1 ",
                           "0x7f.0.0.1",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/08",
                           "10.0.0.0/-1",
                           "10.0.0.0/8/8",
                           "10.0.0.1/8",
                           "10..0.1",
                           "10.0.0.",
                           ".10.0.0.1",
                           "/8",
                           "Local",
                           "local/0",
                           "any",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           "1:2:3:4:5:6:7::8:9",
                           "12345::",
                           "g::",
                           "fe80::1%eth0",
                           "::1/129",
                           "2001:db8::1/32",
                           "1:2:3:4:5:6:7:",
                           ":1:2:3:4:5:6:7",
                           "::10.0.0.1.2",
                           "10.0.0.1::",
                           "1:2:3:4:5:6:7:10.0.0.1",
                           "::1.2.3.4:5"})
    EXPECT_FALSE(network_named(text)) << text;
  for (const char *text : {"::", "1::", "::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:10.0.0.1", "1:2:3:4:5:6:7::",
                           "::2:3:4:5:6:7:8", "::/0", "2001:db8::/32", "0.0.0.0/0", "255.255.255.255"})
    EXPECT_TRUE(network_named(text)) << text;
}

// Compared with a reading bit by bit.
TEST(Network, ContainsAsItsBitsSay) {
  std::mt19937 random(26);
  const auto some = [&] {
    std::array<std::uint8_t, 16> bytes{};
    for (auto &byte : bytes) byte = random() % 4 == 0 ? static_cast<std::uint8_t>(random()) : 0;
    bytes[0] = 0x20;
    Network network = ipv6_address(bytes);
    network.bits = static_cast<std::uint8_t>(random() % 129);
    return network;
  };
  const auto bit = [](const Network &network, std::size_t at) {
    return (network.bytes[at / 8] >> (7 - at % 8)) & 1;
  };
  int contained = 0;
  for (int i = 0; i < 20000; i++) {
    const Network outer = some(), inner = some();
    bool expected = outer.bits <= inner.bits;
    for (std::size_t at = 0; expected && at < outer.bits; at++) expected = bit(outer, at) == bit(inner, at);
    EXPECT_EQ(contains(outer, inner), expected);
    contained += expected;
  }
  EXPECT_GT(contained, 1000);
}

}  // namespace
}  // namespace tenancy

// Numbers, ids and texts as bytes, one after the other: numbers big-endian, texts after their length.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/access/uuid.hpp"

namespace tenancy {

class ByteWriter {
 public:
  explicit ByteWriter(std::string &out) noexcept : out_(out) {}

  template <typename Number>
  void number(Number value) {
    for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8)
      out_ += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xffU);
  }
  void id(const Uuid &id) { out_.append(id.bytes.begin(), id.bytes.end()); }
  void text(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }

 private:
  std::string &out_;
};

/// Reads what ByteWriter wrote. After the first value that isn't there, everything reads as zero or empty,
/// and the end isn't clean.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) noexcept : rest_(bytes) {}

  template <typename Number>
  Number number() noexcept {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(sizeof(Number))) value = value << 8 | byte;
    return static_cast<Number>(value);
  }
  Uuid id() noexcept {
    Uuid id;
    const auto bytes = take(id.bytes.size());
    std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
    return id;
  }
  std::span<const std::uint8_t> bytes(std::size_t size) noexcept { return take(size); }
  /// A view of the bytes that are read from.
  std::string_view text() noexcept {
    const auto bytes = take(number<std::uint32_t>());
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
  }
  /// A flag is 0 or 1: one value has one spelling.
  bool flag() noexcept {
    const auto value = number<std::uint8_t>();
    if (value > 1) fail();
    return value == 1;
  }
  /// The number of things that follow, each of at least this size: never more than there is room for.
  std::uint32_t count(std::size_t least_size) noexcept {
    const auto count = number<std::uint32_t>();
    if (count > rest_.size() / least_size) fail();
    return failed_ ? 0 : count;
  }

  void fail() noexcept {
    failed_ = true;
    rest_ = {};
  }
  bool failed() const noexcept { return failed_; }
  std::span<const std::uint8_t> rest() const noexcept { return rest_; }
  bool is_at_clean_end() const noexcept { return !failed_ && rest_.empty(); }

 private:
  std::span<const std::uint8_t> take(std::size_t size) noexcept {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};

}  // namespace tenancy

#include "core/credential/keyed_digest.hpp"

#include <bit>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::size_t word_size = 8;

std::uint64_t word_at(const std::uint8_t *bytes) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < word_size; i++) word |= std::uint64_t{bytes[i]} << 8 * i;
  return word;
}

}  // namespace

KeyedDigest::KeyedDigest(const Key &key) noexcept {
  const std::uint64_t first = word_at(key.data());
  const std::uint64_t second = word_at(key.data() + word_size);
  state_ = {first ^ 0x736f6d6570736575, second ^ 0x646f72616e646f6d ^ 0xee, first ^ 0x6c7967656e657261,
            second ^ 0x7465646279746573};
}

void KeyedDigest::round() noexcept {
  auto &[a, b, c, d] = state_;
  a += b;
  b = std::rotl(b, 13) ^ a;
  a = std::rotl(a, 32);
  c += d;
  d = std::rotl(d, 16) ^ c;
  a += d;
  d = std::rotl(d, 21) ^ a;
  c += b;
  b = std::rotl(b, 17) ^ c;
  c = std::rotl(c, 32);
}

void KeyedDigest::add_word(std::uint64_t word) noexcept {
  state_[3] ^= word;
  round();
  round();
  state_[0] ^= word;
}

void KeyedDigest::add(std::span<const std::uint8_t> bytes) noexcept {
  const std::uint8_t *next = bytes.data();
  std::size_t left = bytes.size();
  while (left > 0) {
    if (length_ % word_size == 0 && left >= word_size) {
      add_word(word_at(next));
      next += word_size;
      left -= word_size;
      length_ += word_size;
      continue;
    }
    pending_ |= std::uint64_t{*next++} << 8 * (length_ % word_size);
    left--;
    if (++length_ % word_size == 0) {
      add_word(pending_);
      pending_ = 0;
    }
  }
}

KeyedDigest::Digest KeyedDigest::finish() noexcept {
  add_word(pending_ | length_ << 56);
  state_[2] ^= 0xee;
  Digest digest{};
  for (std::size_t half = 0; half < digest_size / word_size; half++) {
    if (half == 1) state_[1] ^= 0xdd;
    for (int i = 0; i < 4; i++) round();
    const std::uint64_t word = state_[0] ^ state_[1] ^ state_[2] ^ state_[3];
    for (std::size_t i = 0; i < word_size; i++)
      digest[half * word_size + i] = static_cast<std::uint8_t>(word >> 8 * i);
  }
  return digest;
}

}  // namespace tenancy

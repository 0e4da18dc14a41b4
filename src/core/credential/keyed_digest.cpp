#include "core/credential/keyed_digest.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

constexpr std::size_t word_size = 8;

std::uint64_t word_at(const std::uint8_t *bytes) noexcept {
  std::uint64_t word = 0;
  if constexpr (std::endian::native == std::endian::little)
    std::memcpy(&word, bytes, word_size);
  else
    for (std::size_t i = 0; i < word_size; i++) word |= std::uint64_t{bytes[i]} << 8 * i;
  return word;
}

void mix(std::array<std::uint64_t, 4> &state) noexcept {
  auto [a, b, c, d] = state;
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
  state = {a, b, c, d};
}

}  // namespace

KeyedDigest::KeyedDigest(const Key &key) noexcept {
  const std::uint64_t first = word_at(key.data());
  const std::uint64_t second = word_at(key.data() + word_size);
  state_ = {first ^ 0x736f6d6570736575, second ^ 0x646f72616e646f6d ^ 0xee, first ^ 0x6c7967656e657261,
            second ^ 0x7465646279746573};
}

void KeyedDigest::add_word(std::uint64_t word) noexcept { add_words({&word, 1}); }

// The state is in registers for as many words as there are.
void KeyedDigest::add_words(std::span<const std::uint64_t> words) noexcept {
  State state = state_;
  for (const std::uint64_t word : words) {
    state[3] ^= word;
    for (int i = 0; i < 2; i++) mix(state);
    state[0] ^= word;
  }
  state_ = state;
}

void KeyedDigest::add(std::span<const std::uint8_t> bytes) noexcept {
  const std::uint8_t *next = bytes.data();
  std::size_t left = bytes.size();
  while (left > 0) {
    if (length_ % word_size == 0 && left >= word_size) {
      std::uint64_t words[32];
      const std::size_t count = std::min(left / word_size, std::size(words));
      for (std::size_t i = 0; i < count; i++) words[i] = word_at(next + i * word_size);
      add_words({words, count});
      next += count * word_size;
      left -= count * word_size;
      length_ += count * word_size;
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
  State state = state_;
  state[2] ^= 0xee;
  Digest digest{};
  for (std::size_t half = 0; half < digest_size / word_size; half++) {
    if (half == 1) state[1] ^= 0xdd;
    for (int i = 0; i < 4; i++) mix(state);
    const std::uint64_t word = state[0] ^ state[1] ^ state[2] ^ state[3];
    for (std::size_t i = 0; i < word_size; i++)
      digest[half * word_size + i] = static_cast<std::uint8_t>(word >> 8 * i);
  }
  return digest;
}

}  // namespace tenancy

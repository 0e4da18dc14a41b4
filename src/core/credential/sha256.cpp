#include "core/credential/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

// Last.
#include "core/no_server.hpp"

namespace tenancy {
namespace {

using Word = std::uint32_t;

constexpr Word round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

Word word_at(const std::uint8_t *bytes) noexcept {
  return Word{bytes[0]} << 24 | Word{bytes[1]} << 16 | Word{bytes[2]} << 8 | Word{bytes[3]};
}

void put_word(Word word, std::uint8_t *bytes) noexcept {
  for (int i = 0; i < 4; i++) bytes[i] = static_cast<std::uint8_t>(word >> (24 - 8 * i));
}

}  // namespace

void Sha256::add_block(const std::uint8_t *block) noexcept {
  Word schedule[64];
  for (int i = 0; i < 16; i++) schedule[i] = word_at(block + 4 * i);
  for (int i = 16; i < 64; i++) {
    const Word early = schedule[i - 15];
    const Word late = schedule[i - 2];
    const Word mixed_early = std::rotr(early, 7) ^ std::rotr(early, 18) ^ early >> 3;
    const Word mixed_late = std::rotr(late, 17) ^ std::rotr(late, 19) ^ late >> 10;
    schedule[i] = schedule[i - 16] + mixed_early + schedule[i - 7] + mixed_late;
  }
  const auto round = [&schedule](Word a, Word b, Word c, Word &d, Word e, Word f, Word g, Word &h, int i) {
    const Word mixed_e = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const Word mixed_a = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const Word one = h + mixed_e + ((e & f) ^ (~e & g)) + round_constants[i] + schedule[i];
    d += one;
    h = one + mixed_a + ((a & b) ^ (a & c) ^ (b & c));
  };
  auto [a, b, c, d, e, f, g, h] = state_;
  // Each round's words have the next one's places, so that nothing is moved.
  for (int i = 0; i < 64; i += 8) {
    round(a, b, c, d, e, f, g, h, i);
    round(h, a, b, c, d, e, f, g, i + 1);
    round(g, h, a, b, c, d, e, f, i + 2);
    round(f, g, h, a, b, c, d, e, i + 3);
    round(e, f, g, h, a, b, c, d, i + 4);
    round(d, e, f, g, h, a, b, c, i + 5);
    round(c, d, e, f, g, h, a, b, i + 6);
    round(b, c, d, e, f, g, h, a, i + 7);
  }
  const Word added[8] = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; i++) state_[static_cast<std::size_t>(i)] += added[i];
}

void Sha256::add(std::span<const std::uint8_t> bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t used = length_ % block_size;
    const std::size_t taken = std::min(block_size - used, bytes.size());
    if (taken == block_size) {
      add_block(bytes.data());
    } else {
      std::memcpy(pending_.data() + used, bytes.data(), taken);
      if (used + taken == block_size) add_block(pending_.data());
    }
    length_ += taken;
    bytes = bytes.subspan(taken);
  }
}

Sha256::Digest Sha256::finish() noexcept {
  const std::uint64_t bits = length_ * 8;
  constexpr std::size_t length_at = block_size - 8;
  // One bit, zeros up to the end of a block, and the length in its last eight bytes.
  std::uint8_t padding[block_size + 8] = {0x80};
  const std::size_t used = length_ % block_size;
  const std::size_t zeros_end = (used < length_at ? length_at : length_at + block_size) - used;
  put_word(static_cast<Word>(bits >> 32), padding + zeros_end);
  put_word(static_cast<Word>(bits), padding + zeros_end + 4);
  add({padding, zeros_end + 8});
  Digest digest;
  for (std::size_t i = 0; i < state_.size(); i++) put_word(state_[i], digest.data() + 4 * i);
  return digest;
}

}  // namespace tenancy

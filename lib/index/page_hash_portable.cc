#include "index/page_hash_kernels.h"

#include <algorithm>
#include <array>
#include <bit>

namespace radixbench {
namespace {

constexpr std::uint8_t times_x(std::uint8_t value) {
  const unsigned doubled = unsigned{value} << 1U;
  return static_cast<std::uint8_t>(doubled ^ ((doubled & 0x100U) != 0 ? 0x1BU : 0U));
}

// The AES S-box: inverses in GF(2^8), found by walking the powers of 3 and of its inverse, then the
// affine map.
constexpr std::array<std::uint8_t, 256> make_sbox() {
  std::array<std::uint8_t, 256> box{};
  std::uint8_t power = 1;
  std::uint8_t inverse = 1;
  do {
    power = static_cast<std::uint8_t>(power ^ times_x(power));
    inverse = static_cast<std::uint8_t>(inverse ^ (inverse << 1U));
    inverse = static_cast<std::uint8_t>(inverse ^ (inverse << 2U));
    inverse = static_cast<std::uint8_t>(inverse ^ (inverse << 4U));
    if ((inverse & 0x80U) != 0) inverse = static_cast<std::uint8_t>(inverse ^ 0x09U);
    box[power] = static_cast<std::uint8_t>(inverse ^ std::rotl(inverse, 1) ^ std::rotl(inverse, 2) ^
                                           std::rotl(inverse, 3) ^ std::rotl(inverse, 4) ^ 0x63U);
  } while (power != 1);
  box[0] = 0x63;
  return box;
}

// SubBytes and MixColumns of a byte in row 0; the other rows are rotations of it.
constexpr std::array<std::uint32_t, 256> make_round_table() {
  constexpr std::array<std::uint8_t, 256> kBox = make_sbox();
  std::array<std::uint32_t, 256> table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    const std::uint32_t once = kBox[value];
    const std::uint32_t twice = times_x(kBox[value]);
    table[value] = twice | (once << 8U) | (once << 16U) | ((once ^ twice) << 24U);
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kRoundTable = make_round_table();

using Block = std::array<std::uint32_t, 4>;  // a word a column

Block round_of(const Block& block) {
  Block next{};
  for (std::size_t column = 0; column < 4; ++column) {
    for (std::size_t row = 0; row < 4; ++row) {
      const auto shift = static_cast<unsigned>(8 * row);
      const std::uint32_t byte = (block[(column + row) % 4] >> shift) & 0xFFU;
      next[column] ^= std::rotl(kRoundTable[byte], static_cast<int>(shift));
    }
  }
  return next;
}

}  // namespace

void hash_pages_portable(const PageHashKeys& keys,
                         const TokenId* tokens,
                         std::size_t page_count,
                         PageHash* out) {
  constexpr std::size_t kBlockTokens = PageHashKeys::kBlockTokens;
  for (std::size_t page = 0; page < page_count; ++page, tokens += keys.page_tokens) {
    Block sum{};
    for (std::size_t first = 0; first < keys.page_tokens; first += kBlockTokens) {
      Block block{};
      std::copy_n(tokens + first, std::min(kBlockTokens, keys.page_tokens - first), block.begin());
      for (std::size_t round = 0; round < PageHashKeys::kRounds; ++round) {
        const std::uint32_t* key = keys.at(first / kBlockTokens, round);
        for (std::size_t column = 0; column < 4; ++column) block[column] ^= key[column];
        block = round_of(block);
      }
      for (std::size_t column = 0; column < 4; ++column) sum[column] ^= block[column];
    }
    out[page].low = sum[0] | (std::uint64_t{sum[1]} << 32U);
    out[page].high = sum[2] | (std::uint64_t{sum[3]} << 32U);
  }
}

}  // namespace radixbench

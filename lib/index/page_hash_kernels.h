#pragma once

#include "base/ids.h"
#include "index/page_hash.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace radixbench {

// Four AES rounds a block of four tokens, under keys of the block's own: XOR over the page.
//
//   hash(page) = XOR over p of R(R(R(R(block_p ^ k_p0) ^ k_p1) ^ k_p2) ^ k_p3)
//
// where R is SubBytes, ShiftRows, MixColumns. Four rounds under independent keys map any two
// different blocks to any given difference with probability below 2^-113 (Keliher and Sui, 2007),
// and XOR over positions with independent keys keeps the bound for whole pages, as in Minematsu and
// Tsunoo (FSE 2006): among 2^32 pages two collide with probability below 2^-50. Keys come from
// SHA-256 of seed and a counter. A short last block is filled up with zeros, which is sound because
// all pages of a hasher have one length.
struct PageHashKeys {
  static constexpr std::size_t kRounds = 4;
  static constexpr std::size_t kBlockTokens = 4;

  PageHashKeys(std::uint64_t seed, std::uint32_t tokens);

  // The four words of round `round` at block `position`. Two positions lie side by side, so that a
  // 256-bit register takes both.
  [[nodiscard]] const std::uint32_t* at(std::size_t position, std::size_t round) const {
    return words.data() + (position / 2) * kRounds * 8 + round * 8 + (position % 2) * 4;
  }

  std::uint32_t page_tokens;
  std::vector<std::uint32_t> words;
};

using PageHashKernel = void (*)(const PageHashKeys& keys,
                                const TokenId* tokens,
                                std::size_t page_count,
                                PageHash* out);

struct NamedPageHashKernel {
  std::string_view name;
  PageHashKernel run;
};

// Those that this processor runs, best first; the last is the portable one. All give equal hashes.
std::vector<NamedPageHashKernel> page_hash_kernels();

void hash_pages_portable(const PageHashKeys& keys,
                         const TokenId* tokens,
                         std::size_t page_count,
                         PageHash* out);
#if defined(__x86_64__)
void hash_pages_aesni(const PageHashKeys& keys,
                      const TokenId* tokens,
                      std::size_t page_count,
                      PageHash* out);
void hash_pages_vaes(const PageHashKeys& keys,
                     const TokenId* tokens,
                     std::size_t page_count,
                     PageHash* out);
#endif

}  // namespace radixbench

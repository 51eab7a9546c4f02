// Compiles to nothing on other processors. Each function says which instructions it may use, so the
// build needs no flags and the choice is made where the program runs.
#include "index/page_hash_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#define RADIXBENCH_AESNI __attribute__((target("aes,sse4.1")))
#define RADIXBENCH_VAES __attribute__((target("vaes,aes,avx2")))

namespace radixbench {
namespace {

constexpr std::size_t kBlockTokens = PageHashKeys::kBlockTokens;
constexpr std::size_t kPairTokens = 2 * kBlockTokens;

RADIXBENCH_AESNI inline __m128i load_block(const std::uint32_t* words) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(words));
}

RADIXBENCH_AESNI inline __m128i mixed_block(const PageHashKeys& keys,
                                            std::size_t position,
                                            __m128i block) {
  block = _mm_xor_si128(block, load_block(keys.at(position, 0)));
  block = _mm_aesenc_si128(block, load_block(keys.at(position, 1)));
  block = _mm_aesenc_si128(block, load_block(keys.at(position, 2)));
  block = _mm_aesenc_si128(block, load_block(keys.at(position, 3)));
  return _mm_aesenc_si128(block, _mm_setzero_si128());
}

// The sum over the page's blocks from the one that begins with token `first`.
RADIXBENCH_AESNI inline __m128i rest_of_page(const PageHashKeys& keys,
                                             const TokenId* page,
                                             std::size_t first) {
  __m128i sum = _mm_setzero_si128();
  for (; first + kBlockTokens <= keys.page_tokens; first += kBlockTokens) {
    sum = _mm_xor_si128(sum, mixed_block(keys, first / kBlockTokens, load_block(page + first)));
  }
  if (first < keys.page_tokens) {
    TokenId filled[kBlockTokens] = {};
    std::memcpy(filled, page + first, (keys.page_tokens - first) * sizeof(TokenId));
    sum = _mm_xor_si128(sum, mixed_block(keys, first / kBlockTokens, load_block(filled)));
  }
  return sum;
}

RADIXBENCH_AESNI inline void store_hash(__m128i sum, PageHash* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sum);
}

RADIXBENCH_VAES inline __m256i load_pair(const std::uint32_t* words) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
}

// `kPages` pages side by side: each pair of positions loads its keys once for all of them, and the
// rounds of one page fill the wait for another's.
template <std::size_t kPages>
RADIXBENCH_VAES inline void hash_side_by_side(const PageHashKeys& keys,
                                              const TokenId* tokens,
                                              PageHash* out) {
  const std::size_t page_tokens = keys.page_tokens;
  __m256i sums[kPages];
  for (std::size_t page = 0; page < kPages; ++page) sums[page] = _mm256_setzero_si256();
  const std::size_t paired = page_tokens / kPairTokens * kPairTokens;
  const std::uint32_t* key = keys.words.data();
  for (std::size_t first = 0; first < paired; first += kPairTokens, key += 32) {
    const __m256i key0 = load_pair(key);
    const __m256i key1 = load_pair(key + 8);
    const __m256i key2 = load_pair(key + 16);
    const __m256i key3 = load_pair(key + 24);
    __m256i blocks[kPages];
    for (std::size_t page = 0; page < kPages; ++page) {
      blocks[page] = _mm256_xor_si256(load_pair(tokens + page * page_tokens + first), key0);
    }
    for (auto& block : blocks) block = _mm256_aesenc_epi128(block, key1);
    for (auto& block : blocks) block = _mm256_aesenc_epi128(block, key2);
    for (auto& block : blocks) block = _mm256_aesenc_epi128(block, key3);
    for (auto& block : blocks) block = _mm256_aesenc_epi128(block, _mm256_setzero_si256());
    for (std::size_t page = 0; page < kPages; ++page) {
      sums[page] = _mm256_xor_si256(sums[page], blocks[page]);
    }
  }
  for (std::size_t page = 0; page < kPages; ++page) {
    const __m128i halves =
        _mm_xor_si128(_mm256_castsi256_si128(sums[page]), _mm256_extracti128_si256(sums[page], 1));
    const __m128i rest = rest_of_page(keys, tokens + page * page_tokens, paired);
    store_hash(_mm_xor_si128(halves, rest), out + page);
  }
}

}  // namespace

RADIXBENCH_AESNI void hash_pages_aesni(const PageHashKeys& keys,
                                       const TokenId* tokens,
                                       std::size_t page_count,
                                       PageHash* out) {
  for (std::size_t page = 0; page < page_count; ++page) {
    store_hash(rest_of_page(keys, tokens + page * keys.page_tokens, 0), out + page);
  }
}

RADIXBENCH_VAES void hash_pages_vaes(const PageHashKeys& keys,
                                     const TokenId* tokens,
                                     std::size_t page_count,
                                     PageHash* out) {
  constexpr std::size_t kPages = 4;
  std::size_t page = 0;
  for (; page + kPages <= page_count; page += kPages) {
    hash_side_by_side<kPages>(keys, tokens + page * keys.page_tokens, out + page);
  }
  for (; page < page_count; ++page) {
    hash_side_by_side<1>(keys, tokens + page * keys.page_tokens, out + page);
  }
}

}  // namespace radixbench

#endif

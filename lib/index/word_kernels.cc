#include "index/word_kernels.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace radixbench {
namespace {

// Whatever type the words were written as.
std::uint32_t word_at(const std::uint32_t* words, std::size_t at) {
  std::uint32_t word = 0;
  std::memcpy(&word, words + at, sizeof word);
  return word;
}

std::size_t common_prefix_plain(const std::uint32_t* left,
                                const std::uint32_t* right,
                                std::size_t count) {
  std::size_t at = 0;
  while (at < count && word_at(left, at) == word_at(right, at)) ++at;
  return at;
}

bool is_counting_plain(const std::uint32_t* words, std::size_t count) {
  std::uint32_t wrong = 0;
  for (std::size_t at = 1; at < count; ++at) wrong |= words[at] - words[at - 1] - 1;
  return wrong == 0;
}

constexpr WordKernels kPlain{common_prefix_plain, is_counting_plain};

#if defined(__x86_64__)

// Equality of eight words as a vector of ones.
__attribute__((target("avx2"))) inline __m256i equal_words(const std::uint32_t* left,
                                                           const std::uint32_t* right) {
  return _mm256_cmpeq_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(left)),
                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(right)));
}

__attribute__((target("avx2"))) std::size_t common_prefix_avx2(const std::uint32_t* left,
                                                               const std::uint32_t* right,
                                                               std::size_t count) {
  std::size_t at = 0;
  for (; at + 32 <= count; at += 32) {
    const __m256i low = _mm256_and_si256(equal_words(left + at, right + at),
                                         equal_words(left + at + 8, right + at + 8));
    const __m256i high = _mm256_and_si256(equal_words(left + at + 16, right + at + 16),
                                          equal_words(left + at + 24, right + at + 24));
    if (_mm256_movemask_epi8(_mm256_and_si256(low, high)) != -1) break;
  }
  for (; at + 8 <= count; at += 8) {
    const auto equal =
        static_cast<std::uint32_t>(_mm256_movemask_epi8(equal_words(left + at, right + at)));
    if (equal != 0xFFFFFFFFU) return at + static_cast<std::size_t>(std::countr_one(equal)) / 4;
  }
  return at + common_prefix_plain(left + at, right + at, count - at);
}

__attribute__((target("avx2"))) bool is_counting_avx2(const std::uint32_t* words,
                                                      std::size_t count) {
  if (count == 0) return true;
  const std::size_t whole = count / 8 * 8;
  const __m256i step = _mm256_set1_epi32(8);
  __m256i expected = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(words[0])),
                                      _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  for (std::size_t at = 0; at < whole;) {
    // Ids that don't count mostly show it at once: look at a few lines, then decide.
    __m256i equal = _mm256_set1_epi32(-1);
    for (const std::size_t end = std::min(whole, at + 128); at < end; at += 8) {
      const __m256i found = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + at));
      equal = _mm256_and_si256(equal, _mm256_cmpeq_epi32(found, expected));
      expected = _mm256_add_epi32(expected, step);
    }
    if (_mm256_movemask_epi8(equal) != -1) return false;
  }
  for (std::size_t at = whole; at < count; ++at) {
    if (words[at] != words[0] + static_cast<std::uint32_t>(at)) return false;
  }
  return true;
}

constexpr WordKernels kAvx2{common_prefix_avx2, is_counting_avx2};

#endif

}  // namespace

const WordKernels& word_kernels() {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return kAvx2;
#endif
  return kPlain;
}

const WordKernels& portable_word_kernels() { return kPlain; }

void copy_to_keep(void* to, const void* from, std::size_t bytes) {
#if defined(__x86_64__)
  // Half of a common first-level cache: what is shorter had better stay there.
  constexpr std::size_t kStreamedBytesMin = 16384;
  constexpr std::size_t kLineBytes = 64;
  if (bytes >= kStreamedBytesMin) {
    auto* target = static_cast<__m128i*>(to);
    const auto* source = static_cast<const __m128i*>(from);
    const __m128i* end = source + bytes / kLineBytes * 4;
    for (; source != end; source += 4, target += 4) {
      const __m128i words0 = _mm_loadu_si128(source);
      const __m128i words1 = _mm_loadu_si128(source + 1);
      const __m128i words2 = _mm_loadu_si128(source + 2);
      const __m128i words3 = _mm_loadu_si128(source + 3);
      _mm_stream_si128(target, words0);
      _mm_stream_si128(target + 1, words1);
      _mm_stream_si128(target + 2, words2);
      _mm_stream_si128(target + 3, words3);
    }
    _mm_sfence();
    to = target;
    from = source;
    bytes %= kLineBytes;
  }
#endif
  if (bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace radixbench

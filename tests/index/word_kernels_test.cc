#include "index/word_kernels.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace radixbench {
namespace {

TEST(WordKernelsTest, FindTheFirstDifferenceWhereverItIs) {
  for (std::size_t count = 0; count < 140; ++count) {
    std::vector<std::uint32_t> left(count + 1);
    std::iota(left.begin(), left.end(), 9U);
    EXPECT_EQ(word_kernels().common_prefix(left.data(), left.data(), count), count);
    for (std::size_t at = 0; at < count; ++at) {
      std::vector<std::uint32_t> right = left;
      right[at] ^= 1U << (at % 32);
      ASSERT_EQ(word_kernels().common_prefix(left.data(), right.data(), count), at);
      ASSERT_EQ(portable_word_kernels().common_prefix(left.data(), right.data(), count), at);
    }
  }
}

TEST(WordKernelsTest, TellIdsThatCountFromOthers) {
  for (std::size_t count = 0; count < 300; ++count) {
    std::vector<std::uint32_t> ids(count);
    std::iota(ids.begin(), ids.end(), 0xFFFFFF80U);  // wraps on the way
    ASSERT_TRUE(word_kernels().is_counting(ids.data(), count)) << count;
    ASSERT_TRUE(portable_word_kernels().is_counting(ids.data(), count)) << count;
    for (std::size_t at = 1; at < count; ++at) {
      ++ids[at];
      ASSERT_FALSE(word_kernels().is_counting(ids.data(), count)) << count << " at " << at;
      ASSERT_FALSE(portable_word_kernels().is_counting(ids.data(), count)) << count << " " << at;
      --ids[at];
    }
  }
}

}  // namespace
}  // namespace radixbench

#include "index/word_kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
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

TEST(WordKernelsTest, CopiesOfEveryLengthAreWhole) {
  struct alignas(16) Target {
    std::array<unsigned char, 20'000> bytes;
  };
  std::vector<unsigned char> source(20'000);
  std::iota(source.begin(), source.end(), static_cast<unsigned char>(1));
  const auto target = std::make_unique<Target>();
  for (const std::size_t count : {0U, 1U, 63U, 16'383U, 16'384U, 16'385U, 16'447U, 19'990U}) {
    target->bytes.fill(0);
    copy_to_keep(target->bytes.data(), source.data() + 3, count);
    for (std::size_t at = 0; at < count; ++at) ASSERT_EQ(target->bytes[at], source[at + 3]);
    ASSERT_EQ(target->bytes[count], 0);
  }
}

}  // namespace
}  // namespace radixbench

#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace radixbench {
namespace {

TEST(RandomTest, TheSameSeedAndStreamGiveTheSameNumbers) {
  Random left{7, "skew"};
  Random right{7, "skew"};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(left.next(), right.next());
}

TEST(RandomTest, StreamsAndSeedsDiffer) {
  EXPECT_NE(Random(7, "skew").next(), Random(7, "abort").next());
  EXPECT_NE(Random(7, "skew").next(), Random(8, "skew").next());
}

TEST(RandomTest, BelowStaysBelowAndReachesEveryValue) {
  Random random{1, "below"};
  std::array<int, 5> seen{};
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random.below(seen.size());
    ASSERT_LT(value, seen.size());
    ++seen[value];
  }
  for (const int count : seen) EXPECT_GT(count, 100);
}

TEST(RandomTest, UniformIsInTheHalfOpenUnitInterval) {
  Random random{1, "uniform"};
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

// Ranks ask for the same draw at different moments and must hear the same.
TEST(RandomTest, ADrawDependsOnItsArgumentsOnly) {
  const std::uint64_t first = draw(3, "latency", 5, 8);
  draw(3, "latency", 6, 8);
  EXPECT_EQ(draw(3, "latency", 5, 8), first);
  EXPECT_NE(draw(3, "latency", 5, 9), first);
  EXPECT_NE(draw(3, "latency", 8, 5), first);
  EXPECT_NE(draw(3, "other", 5, 8), first);
}

}  // namespace
}  // namespace radixbench

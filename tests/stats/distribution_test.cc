#include "stats/distribution.h"

#include <gtest/gtest.h>

#include <numeric>

namespace radixbench {
namespace {

std::vector<std::int64_t> one_to(std::int64_t last) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(last));
  std::iota(values.begin(), values.end(), 1);
  return values;
}

TEST(DistributionTest, NearestRankTakesAValueThatIsThere) {
  const std::vector<std::int64_t> five{15, 20, 35, 40, 50};
  EXPECT_EQ(nearest_rank(five, 0.05), 15);
  EXPECT_EQ(nearest_rank(five, 0.30), 20);
  EXPECT_EQ(nearest_rank(five, 0.40), 20);
  EXPECT_EQ(nearest_rank(five, 0.50), 35);
  EXPECT_EQ(nearest_rank(five, 1.00), 50);
}

// 0.95 * 20, 0.95 * 100 and 0.99 * 100 are not whole in binary.
TEST(DistributionTest, SharesThatLandOnAValueTakeThatValue) {
  EXPECT_EQ(nearest_rank(one_to(20), 0.95), 19);
  EXPECT_EQ(nearest_rank(one_to(100), 0.95), 95);
  EXPECT_EQ(nearest_rank(one_to(100), 0.99), 99);
  EXPECT_EQ(nearest_rank(one_to(1'000), 0.99), 990);
}

TEST(DistributionTest, OrderOfValuesDoesNotMatter) {
  const Distribution shown = distribution_of({7, 1, 9, 3, 5});
  EXPECT_EQ(shown.count, 5U);
  EXPECT_EQ(shown.p50, 5);
  EXPECT_EQ(shown.p99, 9);
  EXPECT_EQ(shown.max, 9);
  EXPECT_DOUBLE_EQ(shown.mean, 5);
  EXPECT_DOUBLE_EQ(shown.stddev * shown.stddev, 10);
}

TEST(DistributionTest, NoValuesAndOneValueAreShownAsSuch) {
  EXPECT_EQ(distribution_of({}).count, 0U);
  const Distribution one = distribution_of({-4});
  EXPECT_EQ(one.p05, -4);
  EXPECT_EQ(one.max, -4);
  EXPECT_EQ(one.stddev, 0);
}

}  // namespace
}  // namespace radixbench

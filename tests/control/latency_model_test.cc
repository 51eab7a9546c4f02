#include "control/latency_model.h"

#include <gtest/gtest.h>

#include <set>

namespace radixbench {
namespace {

std::vector<std::int64_t> durations(const LatencyModel& model, Rank rank, std::uint64_t number) {
  return {model.hit_query_ns(rank, number, 8),
          model.page_read_ns(rank, number),
          model.backup_ns(rank, number, 8),
          model.write_ns(rank, number, 8),
          model.load_ns(rank, number, 8)};
}

TEST(LatencyModelTest, AnyoneWorksOutTheSameDurationsInAnyOrder) {
  const std::vector<RankSkew> skews(4);
  const LatencyModel one{{}, 5, skews};
  const LatencyModel other{{}, 5, skews};
  std::vector<std::vector<std::int64_t>> forwards;
  for (Rank rank = 0; rank < 4; ++rank) forwards.push_back(durations(one, rank, rank * 7));
  for (Rank rank = 4; rank-- > 0;) EXPECT_EQ(durations(other, rank, rank * 7), forwards[rank]);
}

TEST(LatencyModelTest, SeedRankNumberAndKindOfWorkEachMatter) {
  const LatencyOptions options{.write_base_ns = 30'000, .load_base_ns = 30'000};
  const std::vector<RankSkew> skews(2);
  const LatencyModel model{options, 5, skews};
  const LatencyModel reseeded{options, 6, skews};
  const std::set<std::int64_t> distinct = {model.write_ns(0, 1, 8),
                                           model.write_ns(1, 1, 8),
                                           model.write_ns(0, 2, 8),
                                           model.load_ns(0, 1, 8),
                                           reseeded.write_ns(0, 1, 8)};
  EXPECT_EQ(distinct.size(), 5U);
}

TEST(LatencyModelTest, JitterStaysWithinItsShare) {
  const LatencyModel model{{.page_read_ns = 1'000'000, .jitter = 0.25}, 5, {RankSkew{}}};
  std::int64_t least = 2'000'000;
  std::int64_t most = 0;
  for (RequestId request = 0; request < 1'000; ++request) {
    least = std::min(least, model.page_read_ns(0, request));
    most = std::max(most, model.page_read_ns(0, request));
  }
  EXPECT_GE(least, 750'000);
  EXPECT_LE(most, 1'250'000);
  // A thousand draws come close to both ends.
  EXPECT_LT(least, 760'000);
  EXPECT_GT(most, 1'240'000);
}

TEST(LatencyModelTest, WorkGrowsWithPages) {
  const LatencyModel model{
      {.backup_base_ns = 100, .backup_page_ns = 10, .jitter = 0}, 5, {RankSkew{}}};
  EXPECT_EQ(model.backup_ns(0, 0, 0), 100);
  EXPECT_EQ(model.backup_ns(0, 0, 7), 170);
}

TEST(LatencyModelTest, StorageSkewSlowsStorageWorkOfItsRankAlone) {
  const LatencyModel even{{}, 5, {{}, {}}};
  const LatencyModel skewed{{}, 5, {{}, {.storage_ns = 40}}};
  EXPECT_EQ(durations(skewed, 0, 3), durations(even, 0, 3));
  std::vector<std::int64_t> expected = durations(even, 1, 3);
  for (std::size_t storage = 0; storage < 3; ++storage) expected[storage] += 40;
  EXPECT_EQ(durations(skewed, 1, 3), expected);
}

TEST(LatencyModelTest, ClockSkewIsAnOffsetAndADrift) {
  const LatencyModel model{{}, 5, {{}, {.clock_ns = -500, .clock_drift_ppm = 100}}};
  EXPECT_EQ(model.local_now_ns(0, 1'000'000'000), 1'000'000'000);
  EXPECT_EQ(model.local_now_ns(1, 0), -500);
  EXPECT_EQ(model.local_now_ns(1, 1'000'000'000), 1'000'000'000 - 500 + 100'000);
}

}  // namespace
}  // namespace radixbench

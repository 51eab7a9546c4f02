#include "stats/run_summary.h"

#include "stats/made_up_run.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

using ::testing::ElementsAre;

RunSummary summary_of(std::deque<MadeUpRank>& ranks) {
  const auto views = views_of(ranks);
  return summarise(views, join_samples(views), made_up_sites());
}

// Two ranks of one replica; a step with two agreements and a drain of two hops, and a forward.
std::deque<MadeUpRank> one_step() {
  std::deque<MadeUpRank> ranks;
  for (Rank rank = 0; rank < 2; ++rank) {
    ranks.emplace_back(rank).group(1, "attn_cp", {0, 1}).view().is_lead = rank == 0;
    const std::int64_t late = rank == 1 ? 10 : 0;
    MadeUpRank& one = ranks.back();
    one.call({1, kWritingCheck, 0, 1, 0, 100 + late, 140, {}});
    one.call({1, kProgress, 17, 1, 1, 200 + late, 260, {}});
    one.call({1, kDrain, 0, 1, 2, 300 + late, 350, {}});
    one.call({1, kDrain, 0, 1, 3, 400 + late, 450, {}});
    one.call({1, kForward, 0, 1, 4, 500 + late, 900, {}});
    one.step(1, 5);
    one.view().steps.back().agreements = 3;
    one.view().steps.back().wire_ops = 4;
    one.view().steps.back().blocked_ns = 200;
  }
  return ranks;
}

TEST(RunSummaryTest, AgreementTimeOfAStepIsTheSumFromTheLastArrival) {
  auto ranks = one_step();
  const RunSummary summary = summary_of(ranks);
  // 140-110, 260-210, 350-310, 450-410; the forward is no agreement.
  EXPECT_EQ(summary.agreement_ns.count, 2U);
  EXPECT_EQ(summary.agreement_ns.p50, 30 + 50 + 40 + 40);
  EXPECT_EQ(summary.agreement_ns.max, 160);
  EXPECT_EQ(summary.wait_ns.count, 8U);
  EXPECT_EQ(summary.wait_ns.max, 10);
  EXPECT_EQ(summary.wire_ns.p50, 40);
}

TEST(RunSummaryTest, DrainOfAStepIsAllItsHopsWithTheirWaits) {
  auto ranks = one_step();
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.drain_ns.count, 2U);
  EXPECT_EQ(summary.drain_ns.max, 50 + 50);
  EXPECT_EQ(summary.drain_ns.p05, 40 + 40);
}

TEST(RunSummaryTest, AStepTakesAsLongAsItsSlowestRank) {
  auto ranks = one_step();
  // Rank 1 leaves the first two agreements later than rank 0 does, by 5 and by 20.
  ranks[1] = MadeUpRank{1};
  ranks[1].group(1, "attn_cp", {0, 1});
  ranks[1].call({1, kWritingCheck, 0, 1, 0, 110, 145, {}});
  ranks[1].call({1, kProgress, 17, 1, 1, 210, 280, {}});
  ranks[1].call({1, kDrain, 0, 1, 2, 310, 350, {}});
  ranks[1].call({1, kDrain, 0, 1, 3, 410, 450, {}});
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.agreement_max_ns.count, 1U);
  EXPECT_EQ(summary.agreement_max_ns.p50, 160 + 5 + 20);
  EXPECT_EQ(summary.agreement_skew_ns.p50, 5 + 20);
  EXPECT_EQ(summary.drain_max_ns.p50, 100);
  EXPECT_EQ(summary.drain_skew_ns.p50, 20);
  EXPECT_EQ(summary.blocked_max_ns.p50, 200);
  EXPECT_EQ(summary.skew_ns.count, 4U);
  EXPECT_EQ(summary.skew_ns.p50, 10);
}

TEST(RunSummaryTest, AStepThatARankIsNotKnownOfHasNoSlowestRank) {
  auto ranks = one_step();
  ranks[1] = MadeUpRank{1};
  ranks[1].group(1, "attn_cp", {0, 1});
  ranks[1].call({1, kWritingCheck, 0, 1, 0, 110, 140, {}});
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.agreement_max_ns.count, 0U);
  EXPECT_EQ(summary.steps_unjoined, 1U);
}

TEST(RunSummaryTest, LastRankIsCountedOnceAnOperation) {
  auto ranks = one_step();
  const RunSummary summary = summary_of(ranks);
  EXPECT_THAT(summary.last_count, ElementsAre(0, 4));
  EXPECT_EQ(summary.operations, 8U);
  EXPECT_EQ(summary.operations_unjoined, 0U);
}

TEST(RunSummaryTest, CountsOfStepsAreOverAllRanks) {
  auto ranks = one_step();
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.steps, 1U);
  EXPECT_EQ(summary.rank_steps, 2U);
  EXPECT_EQ(summary.agreements, 6U);
  EXPECT_EQ(summary.wire_ops, 8U);
}

TEST(RunSummaryTest, RowsOfAMissingRankEnterNoDistribution) {
  auto ranks = one_step();
  ranks.pop_back();
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.operations_unjoined, 4U);
  EXPECT_EQ(summary.agreement_ns.count, 0U);
  EXPECT_EQ(summary.wait_ns.count, 0U);
}

TEST(RunSummaryTest, ConfirmDelayIsFromTheSlowestRanksLastPage) {
  auto ranks = one_step();
  PrefetchFacts prefetch;
  prefetch.request_id = 17;
  prefetch.requested = prefetch.inserted = 64;
  prefetch.applied_ns = 1'000;
  for (Rank rank = 0; rank < 2; ++rank) {
    prefetch.last_page_ns = rank == 0 ? 300 : 700;
    ranks[rank].view().prefetches.push_back(prefetch);
  }
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.confirm_ns.count, 1U);
  EXPECT_EQ(summary.confirm_ns.max, 300);
  EXPECT_EQ(summary.fates.prefetches, 1U);
  EXPECT_EQ(summary.fates.inserted, 64U);
}

TEST(RunSummaryTest, PrefetchWhoseRowARankLacksHasNoConfirmDelay) {
  auto ranks = one_step();
  PrefetchFacts prefetch;
  prefetch.requested = prefetch.inserted = 64;
  prefetch.last_page_ns = 1;
  prefetch.applied_ns = 2;
  ranks[0].view().prefetches.push_back(prefetch);
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.confirm_ns.count, 0U);
  EXPECT_EQ(summary.confirm_missing, 1U);
}

TEST(RunSummaryTest, TokensAreCountedOnceAReplicaAndOnlyOfServedRequests) {
  auto ranks = one_step();
  for (auto& rank : ranks) {
    rank.view().requests.push_back({1, RequestEnd::kServed, 100, 10, 20, 30, 40, 1, 2, 3, 4, 7});
    rank.view().requests.push_back({2, RequestEnd::kAborted, 500});
  }
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.requests_served, 1U);
  EXPECT_EQ(summary.requests_aborted, 1U);
  EXPECT_EQ(summary.tokens.input, 100U);
  EXPECT_EQ(summary.tokens.storage, 30U);
  EXPECT_EQ(summary.tokens.prefetch_cut, 4U);
  EXPECT_EQ(summary.identities[0].checked, 2U);
  EXPECT_EQ(summary.identities[0].broken, 0U);
}

TEST(RunSummaryTest, BrokenIdentitiesNameTheirFirstRow) {
  auto ranks = one_step();
  ranks[1].view().requests.push_back({9, RequestEnd::kServed, 100, 10, 20, 30, 39});
  PrefetchFacts prefetch;
  prefetch.request_id = 4;
  prefetch.requested = 10;
  prefetch.inserted = 5;
  prefetch.used = 6;
  ranks[0].view().prefetches.push_back(prefetch);
  const RunSummary summary = summary_of(ranks);
  EXPECT_EQ(summary.identities[0].broken, 1U);
  EXPECT_EQ(summary.identities[0].example, "request 9 on rank 1");
  EXPECT_EQ(summary.identities[2].broken, 1U);
  EXPECT_EQ(summary.identities[3].broken, 1U);
  EXPECT_EQ(summary.identities[3].example, "request 4 on rank 0");
}

}  // namespace
}  // namespace radixbench

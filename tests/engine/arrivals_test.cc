#include "engine/arrivals.h"

#include "engine/engine_rank.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

HandTrace trace_at(std::initializer_list<std::int64_t> arrivals_ns) {
  std::vector<HandTrace::Row> rows;
  for (const std::int64_t at_ns : arrivals_ns) rows.push_back({.input = 64, .arrival_ns = at_ns});
  return HandTrace{rows};
}

TEST(ArrivalsTest, RequestsComeAtTheirTimesDividedByTheSpeedup) {
  const HandTrace trace = trace_at({0, 1'000, 1'000, 5'000});
  Arrivals arrivals{trace.trace, {.cost = {}, .speedup = 2}, 1};
  EXPECT_EQ(arrivals.arrival_ns(3), 2'500);
  EXPECT_EQ(arrivals.count_by(499), 1U);
  EXPECT_EQ(arrivals.count_by(500), 3U);
  EXPECT_EQ(arrivals.next_ns(), 0);
  EXPECT_THAT(arrivals.dispatch(3, 0, {}), ElementsAre(0, 1, 2));
  EXPECT_EQ(arrivals.next_ns(), 2'500);
  EXPECT_FALSE(arrivals.is_over());
  EXPECT_THAT(arrivals.dispatch(4, 0, {}), ElementsAre(3));
  EXPECT_TRUE(arrivals.is_over());
  EXPECT_EQ(arrivals.next_ns(), kNever);
}

TEST(ArrivalsTest, RoundRobinGoesOnWhereTheLastStepEnded) {
  const HandTrace trace = trace_at({0, 0, 0, 0, 0});
  std::vector<Arrivals> replicas(3, Arrivals{trace.trace, {}, 3});
  std::vector<std::vector<RequestId>> first;
  std::vector<std::vector<RequestId>> second;
  for (std::uint32_t replica = 0; replica < 3; ++replica) {
    first.push_back(replicas[replica].dispatch(2, replica, {}));
    second.push_back(replicas[replica].dispatch(5, replica, {}));
  }
  EXPECT_THAT(first, ElementsAre(ElementsAre(0), ElementsAre(1), IsEmpty()));
  EXPECT_THAT(second, ElementsAre(ElementsAre(3), ElementsAre(4), ElementsAre(2)));
}

TEST(ArrivalsTest, ShortestQueueCountsWhatItJustSentAndPrefersTheFirst) {
  const HandTrace trace = trace_at({0, 0, 0, 0});
  const std::vector<std::uint32_t> lengths = {2, 1};
  std::vector<std::vector<RequestId>> sent;
  for (std::uint32_t replica = 0; replica < 2; ++replica) {
    Arrivals arrivals{trace.trace, {.cost = {}, .dispatch = Dispatch::kShortestQueue}, 2};
    sent.push_back(arrivals.dispatch(4, replica, lengths));
  }
  // To 1 (2, 2), to 0 (3, 2), to 1 (3, 3), to 0.
  EXPECT_THAT(sent, ElementsAre(ElementsAre(1, 3), ElementsAre(0, 2)));
}

TEST(ArrivalsTest, MoreThanTheTraceHoldsIsTheWholeTrace) {
  const HandTrace trace = trace_at({0, 0});
  Arrivals arrivals{trace.trace, {}, 1};
  EXPECT_THAT(arrivals.dispatch(100, 0, {}), ElementsAre(0, 1));
  EXPECT_THAT(arrivals.dispatch(100, 0, {}), IsEmpty());
}

TEST(AbortPlanTest, AtRateOneAllAreAbortedBetweenStartAndEarliestEnd) {
  AbortPlan plan{1, 5};
  for (RequestId request = 0; request < 200; ++request) plan.consider(request, 1'000, 2'000);
  EXPECT_GE(plan.next_ns(), 1'000);
  EXPECT_THAT(plan.due(999, 1'000), IsEmpty());
  EXPECT_EQ(plan.due(1'999, 1'000).size(), 200U);
  EXPECT_EQ(plan.next_ns(), kNever);
}

TEST(AbortPlanTest, AtRateZeroNobodyIs) {
  AbortPlan plan{0, 5};
  for (RequestId request = 0; request < 200; ++request) plan.consider(request, 0, 10);
  EXPECT_EQ(plan.next_ns(), kNever);
}

TEST(AbortPlanTest, AboutTheShareOfTheRateIsChosenAndTheSameWithTheSameSeed) {
  AbortPlan plan{0.25, 5};
  AbortPlan same{0.25, 5};
  AbortPlan other{0.25, 6};
  for (RequestId request = 0; request < 1'000; ++request) {
    plan.consider(request, 0, 10);
    same.consider(request, 0, 10);
    other.consider(request, 0, 10);
  }
  const std::vector<RequestId> chosen = plan.due(10, 1'000);
  // Seven standard deviations.
  EXPECT_GT(chosen.size(), 150U);
  EXPECT_LT(chosen.size(), 350U);
  EXPECT_EQ(same.due(10, 1'000), chosen);
  EXPECT_NE(other.due(10, 1'000), chosen);
}

TEST(AbortPlanTest, DueOnesComeInOrderOfTimeAndWhatIsTooManyWaits) {
  AbortPlan plan{1, 5};
  for (RequestId request = 0; request < 20; ++request) {
    const auto at_ns = static_cast<std::int64_t>(1'000 - request);
    plan.consider(request, at_ns, at_ns);
  }
  EXPECT_THAT(plan.due(1'000, 3), ElementsAre(19, 18, 17));
  EXPECT_EQ(plan.due(1'000, 12).size(), 12U);
  EXPECT_THAT(plan.due(1'000, 12), ElementsAre(4, 3, 2, 1, 0));
}

}  // namespace
}  // namespace radixbench

#include "trace/statistics.h"

#include "trace/arrivals.h"
#include "trace/trace_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace radixbench {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// Six rows, counted by hand: ids 0 to 8, one exact repeat, one prompt that shares nothing.
TEST(TraceStatisticsTest, HandTraceIsCountedAsByHand) {
  const Result<Trace> trace = read_mooncake(kHandTrace, {});
  ASSERT_TRUE(trace);
  const TraceStatistics statistics = trace_statistics(*trace);
  EXPECT_EQ(statistics.duration_s, 9.0);
  EXPECT_EQ(statistics.times_distinct, 5U);
  EXPECT_EQ(statistics.block_references, 20U);
  EXPECT_EQ(statistics.blocks_distinct, 9U);
  EXPECT_EQ(statistics.blocks_seen_once, 3U);  // 6, 7, 8
  EXPECT_EQ(statistics.first_blocks_distinct, 2U);
  EXPECT_EQ(statistics.input_tokens.sum, 9044U);
  EXPECT_EQ(statistics.input_tokens.min, 700U);
  EXPECT_EQ(statistics.input_tokens.max, 2560U);
  EXPECT_DOUBLE_EQ(statistics.input_tokens.p50, 1318.0);
  EXPECT_EQ(statistics.ceiling.hit_blocks, 11U);
  EXPECT_DOUBLE_EQ(statistics.ceiling.block_share, 11.0 / 20);
  // 512, 1100 (the repeat with its tail), 3 x 512 and 4 x 512 of the 9044.
  EXPECT_DOUBLE_EQ(statistics.ceiling.token_share, (512 + 1100 + 1536 + 2048) / 9044.0);
  EXPECT_DOUBLE_EQ(statistics.ceiling.request_mean, (512.0 / 1536 + 1 + 0.75 + 0.8) / 6);
  EXPECT_DOUBLE_EQ(statistics.ceiling.full_block_share, 10.0 / 17);
  EXPECT_DOUBLE_EQ(statistics.ceiling.full_token_share, 10 * 512 / 9044.0);
  EXPECT_DOUBLE_EQ(statistics.ceiling.any_hit_share, 4.0 / 6);
  EXPECT_DOUBLE_EQ(statistics.ceiling.whole_prompt_share, 1.0 / 6);
  EXPECT_EQ(statistics.ceiling.common_root_blocks, 0U);
  EXPECT_EQ(statistics.peak.in_1_s, 2U);
  EXPECT_EQ(statistics.peak.in_10_s, 6U);
}

TEST(TraceStatisticsTest, ConversationTraceGivesThePublishedShares) {
  if (!std::filesystem::exists(kConversationTrace)) GTEST_SKIP() << "no " << kConversationTrace;
  const Result<Trace> trace = read_mooncake(kConversationTrace, {});
  ASSERT_TRUE(trace);
  EXPECT_EQ(known_trace_name(trace->sha256), "Mooncake FAST25 conversation trace");
  const TraceStatistics statistics = trace_statistics(*trace);
  EXPECT_DOUBLE_EQ(statistics.duration_s, 3536.999);
  EXPECT_EQ(statistics.times_distinct, 1180U);
  EXPECT_EQ(statistics.peak.in_1_s, 28U);
  EXPECT_EQ(statistics.peak.in_10_s, 67U);
  EXPECT_EQ(statistics.peak.in_60_s, 247U);
  EXPECT_EQ(statistics.input_tokens.sum, 144'793'823U);
  EXPECT_DOUBLE_EQ(statistics.input_tokens.p90, 27367.0);
  EXPECT_NEAR(statistics.input_tokens.p99, 85400.4, 1e-6);
  EXPECT_EQ(statistics.output_tokens.sum, 4'122'048U);
  EXPECT_EQ(statistics.first_blocks_distinct, 1U);
  const CeilingSummary& ceiling = statistics.ceiling;
  EXPECT_EQ(ceiling.hit_blocks, 105'710U);
  EXPECT_NEAR(ceiling.block_share, 0.3664124783362218, 1e-12);
  EXPECT_NEAR(ceiling.token_share, 0.3736237491291324, 1e-12);
  EXPECT_NEAR(ceiling.request_mean, 0.40938479645661, 1e-12);
  EXPECT_NEAR(ceiling.full_block_share, 0.3819003150192954, 1e-12);
  EXPECT_NEAR(ceiling.full_token_share, 0.373379905854133, 1e-12);
  EXPECT_NEAR(ceiling.any_hit_share, 0.9999168813897432, 1e-12);
  EXPECT_NEAR(ceiling.whole_prompt_share, 0.009807996010306708, 1e-12);
  EXPECT_EQ(ceiling.common_root_blocks, 1U);
  EXPECT_EQ(ceiling.hit_blocks_beyond_root, 105'710U - 12'030U);
  EXPECT_LT(ceiling.any_hit_share_beyond_root, 0.7);
}

std::vector<Request> arriving_at_ms(const std::vector<std::int64_t>& times) {
  std::vector<Request> requests;
  for (const std::int64_t time : times) {
    Request request;
    request.arrival_ns = time * 1'000'000;
    requests.push_back(request);
  }
  return requests;
}

std::vector<std::int64_t> times_ms(std::size_t count, std::int64_t (*time_of)(std::int64_t)) {
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < count; ++i) times.push_back(time_of(static_cast<std::int64_t>(i)));
  return times;
}

TEST(ArrivalsTest, ACoarseClockIsSeenThroughJitterAndMissingTicks) {
  // Ten rows a tick of 3 s, each tick a millisecond early or late, every fifth missing.
  const auto coarse = times_ms(1000, [](std::int64_t i) {
    const std::int64_t tick = i / 10 + i / 50;
    return tick * 3000 + 1 + (tick % 3) - 1;
  });
  const std::optional<ClockTick> tick = clock_tick(arriving_at_ms(coarse));
  ASSERT_TRUE(tick);
  EXPECT_NEAR(static_cast<double>(tick->tick_ns), 3e9, 3e6);
  EXPECT_EQ(tick->times_distinct, 100U);
  EXPECT_THAT(arrival_warnings(arriving_at_ms(coarse)), Contains(HasSubstr("quantised clock")));
}

TEST(ArrivalsTest, WholeSecondsWithOneRowEachAreStillATick) {
  const auto seconds = times_ms(500, [](std::int64_t i) { return (i + (i * 7919) % 3) * 1000; });
  auto requests = arriving_at_ms(seconds);
  std::ranges::stable_sort(requests, {}, &Request::arrival_ns);
  EXPECT_TRUE(clock_tick(requests));
}

TEST(ArrivalsTest, FineClocksAndFewRowsAreNotCalledQuantised) {
  const auto fine = times_ms(1000, [](std::int64_t i) { return i * i * 7 % 1000 + 500 * i; });
  auto requests = arriving_at_ms(fine);
  std::ranges::stable_sort(requests, {}, &Request::arrival_ns);
  EXPECT_FALSE(clock_tick(requests));
  EXPECT_FALSE(clock_tick(arriving_at_ms({0, 1000, 2000, 3000})));
  EXPECT_FALSE(clock_tick({}));
}

TEST(ArrivalsTest, RatesThatLookLikeAnotherUnitAreWarnedOf) {
  const auto in_us = times_ms(1000, [](std::int64_t i) { return i / 50; });
  EXPECT_THAT(arrival_warnings(arriving_at_ms(in_us)), Contains(HasSubstr("unusual rate")));
  EXPECT_THAT(arrival_warnings(arriving_at_ms({0, 20'000'000})),
              Contains(HasSubstr("unusual rate")));
  EXPECT_THAT(arrival_warnings(arriving_at_ms({1'700'000'000'000, 1'700'000'000'500})),
              Contains(HasSubstr("epoch")));
  EXPECT_THAT(arrival_warnings(arriving_at_ms({0, 100, 230})), IsEmpty());
  EXPECT_THAT(arrival_warnings(arriving_at_ms({0})), IsEmpty());
}

}  // namespace
}  // namespace radixbench

#include "replay/plan.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

TEST(SkewTest, ReadsPartSelectorsAndAmountInAnyOrder) {
  const Result<SkewSpec> spec = parse_skew("storage:cp=1,+40ms,dp=0");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->what, SkewSpec::What::kStorage);
  EXPECT_EQ(spec->cp, 1U);
  EXPECT_EQ(spec->dp, 0U);
  EXPECT_FALSE(spec->rank || spec->tp);
  EXPECT_EQ(spec->add_ns, 40'000'000);
}

TEST(SkewTest, KnowsEveryPartAndUnit) {
  EXPECT_EQ(parse_skew("write-ack:+7ns")->what, SkewSpec::What::kWriteAck);
  EXPECT_EQ(parse_skew("load-ack:+7ns")->what, SkewSpec::What::kLoadAck);
  EXPECT_EQ(parse_skew("clock:+7ns")->what, SkewSpec::What::kClock);
  EXPECT_EQ(parse_skew("clock:+7ns")->add_ns, 7);
  EXPECT_EQ(parse_skew("clock:+1.5us")->add_ns, 1'500);
  EXPECT_EQ(parse_skew("clock:-3ms")->add_ns, -3'000'000);
  EXPECT_EQ(parse_skew("clock:+2s")->add_ns, 2'000'000'000);
  EXPECT_DOUBLE_EQ(parse_skew("clock:rank=3,+50ppm")->drift_ppm, 50);
}

TEST(SkewTest, RefusesWhatItCannotReadAndQuotesIt) {
  for (const char* text : {"storage",
                           "disk:+1ms",
                           "storage:",
                           "storage:cp=1",
                           "storage:cp=x,+1ms",
                           "storage:cp=,+1ms",
                           "storage:pp=0,+1ms",
                           "storage:cp,+1ms",
                           "storage:+1h",
                           "storage:+ms",
                           "storage:+1",
                           "storage:+1ms,+2ms",
                           "storage:+50ppm",
                           "storage:-1ms",
                           "load-ack:-1ms",
                           "storage:+1ms,"}) {
    const Result<SkewSpec> spec = parse_skew(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_THAT(spec.error().message, testing::HasSubstr(text));
  }
}

std::vector<SkewSpec> specs(std::initializer_list<const char*> texts) {
  std::vector<SkewSpec> all;
  for (const char* text : texts) all.push_back(parse_skew(text).value());
  return all;
}

TEST(SkewTest, SelectorsNarrowAndSkewsOfOneRankAddUp) {
  // Ranks: replica, then context parallel rank, then TP rank fastest.
  const Layout layout = make_layout("sglang:tp=8,cp=2,dp=2").value();
  const auto skews = resolve_skews(
      specs({"storage:cp=1,+40ms", "storage:rank=7,+2ms", "load-ack:tp=1,dp=0,+1ms", "clock:+5ms"}),
      layout);
  ASSERT_TRUE(skews) << skews.error().message;
  const std::vector<std::int64_t> storage_ms = {0, 0, 40, 40, 0, 0, 40, 42};
  const std::vector<std::int64_t> load_ack_ms = {0, 1, 0, 1, 0, 0, 0, 0};
  for (Rank rank = 0; rank < 8; ++rank) {
    EXPECT_EQ((*skews)[rank].storage_ns, storage_ms[rank] * 1'000'000) << rank;
    EXPECT_EQ((*skews)[rank].load_ack_ns, load_ack_ms[rank] * 1'000'000) << rank;
    EXPECT_EQ((*skews)[rank].clock_ns, 5'000'000) << rank;
    EXPECT_EQ((*skews)[rank].write_ack_ns, 0) << rank;
  }
}

TEST(SkewTest, OneThatSelectsNoRankDoesNotGoWithTheLayout) {
  const auto skews = resolve_skews(specs({"storage:cp=1,+40ms"}), make_layout("tp8").value());
  ASSERT_FALSE(skews);
  EXPECT_EQ(skews.error().code, ErrorCode::kConfiguration);
  EXPECT_THAT(skews.error().message, testing::HasSubstr("sglang:tp=8"));
}

}  // namespace
}  // namespace radixbench

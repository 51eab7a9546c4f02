#include "control/agreement.h"

#include "support/cache_world.h"

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;

// The four sites that the fix moved, then those that had the groups of attention before.
constexpr std::array<Site, 4> kMoved = {Site::kCanTerminatePrefetch,
                                        Site::kCheckPrefetchProgress,
                                        Site::kReleaseAbortedRequest,
                                        Site::kDrainStorageControlQueues};
constexpr std::array<Site, 2> kOthers = {Site::kWritingCheck, Site::kLoadingCheck};

using Hops = std::vector<std::vector<Rank>>;

// Groups that one rank's call goes through, in order.
struct GroupCase {
  std::string layout;
  Rank rank;
  Hops hardcoded_tp;
  Hops stage_tp;
  Hops attn_groups;
};

const std::vector<Rank> kStage = {0, 1, 2, 3, 4, 5, 6, 7};

// Worked out by hand from the rank order: replicas, then CP, then TP fastest.
const std::vector<GroupCase> kGroupCases = {
    {"tp8", 5, {kStage}, {kStage}, {kStage}},
    {"tp4cp2", 5, {kStage}, {kStage}, {{1, 5}, {4, 5, 6, 7}}},
    {"sglang:tp=8,cp=2,dp=2", 5, {{4, 5}}, {kStage}, {{5, 7}, {4, 5}}},
    {"sglang:tp=8,cp=4,dp=2", 5, {}, {kStage}, {{4, 5, 6, 7}}},
    {"sglang:tp=8,dp=2", 5, {{4, 5, 6, 7}}, {kStage}, {{4, 5, 6, 7}}},
    {"sglang:tp=8,cp=8", 5, {kStage}, {kStage}, {kStage}},
    {"sglang:tp=8,dp=8", 5, {}, {kStage}, {}},
    {"tp1", 0, {}, {}, {}},
};

// What is heard of them: a rank that asks nobody is heard to call its group of one.
Hops heard_of(const Hops& hops, Rank rank) { return hops.empty() ? Hops{{rank}} : hops; }

class AgreementGroupsTest : public testing::TestWithParam<GroupCase> {
 protected:
  // What each site of `rank` was heard to do, where all ranks call all sites.
  static void expect_groups(AgreementKind kind, const Hops& moved, const Hops& others) {
    CacheWorld world{{.layout = GetParam().layout, .agreement = kind}};
    world.run([&](CacheRank& rank) {
      for (const Site site : {Site::kWritingCheck,
                              Site::kLoadingCheck,
                              Site::kCanTerminatePrefetch,
                              Site::kCheckPrefetchProgress,
                              Site::kDrainStorageControlQueues}) {
        std::array<std::int32_t, 2> values = {static_cast<std::int32_t>(rank.rank), 1};
        EXPECT_TRUE(rank.agreement.reduce(site, 9, values, ReduceOp::kMax));
      }
      EXPECT_TRUE(rank.agreement.barrier(Site::kReleaseAbortedRequest, 9));
      if (rank.rank != GetParam().rank) return;
      const std::vector<HeardCall> calls = rank.scheduler_calls.take();
      for (const Site site : kMoved) expect_site(rank, calls, site, moved);
      for (const Site site : kOthers) expect_site(rank, calls, site, others);
    });
  }

  static void expect_site(const CacheRank& rank,
                          const std::vector<HeardCall>& calls,
                          Site site,
                          const Hops& expected) {
    SCOPED_TRACE(to_string(site));
    Hops heard;
    for (const HeardCall& call : calls) {
      if (call.site != site) continue;
      heard.push_back(call.members);
      EXPECT_EQ(call.key, 9U);
      EXPECT_EQ(call.kind,
                site == Site::kReleaseAbortedRequest ? CallKind::kBarrier : CallKind::kAllReduce);
    }
    EXPECT_EQ(heard, heard_of(expected, rank.rank));
    EXPECT_EQ(rank.agreement.counts(site).agreements, 1U);
    EXPECT_EQ(rank.agreement.counts(site).wire_ops, expected.size());
  }
};

TEST_P(AgreementGroupsTest, HardcodedTpAsksTheTpCacheGroupAtTheFourSites) {
  expect_groups(AgreementKind::kHardcodedTp, GetParam().hardcoded_tp, GetParam().attn_groups);
}

TEST_P(AgreementGroupsTest, StageTpAsksTheWholeStageAtTheFourSites) {
  expect_groups(AgreementKind::kStageTp, GetParam().stage_tp, GetParam().attn_groups);
}

TEST_P(AgreementGroupsTest, AttentionGroupsAskContextParallelThenTensorParallelAtEverySite) {
  expect_groups(AgreementKind::kAttnGroups, GetParam().attn_groups, GetParam().attn_groups);
}

TEST_P(AgreementGroupsTest, ThePrefetchThreadHasItsOwnCopiesOfTheSameGroups) {
  CacheWorld world{{.layout = GetParam().layout}};
  world.run([&](CacheRank& rank) {
    rank.start_prefetch(1, sequence(1, 8, 64));
    // Not agreed before every rank answered, which advance() waits for.
    EXPECT_TRUE(rank.cache->begin_step(1, 1'000 * kMillisecond));
    if (rank.rank != GetParam().rank) return;
    Hops heard;
    for (const HeardCall& call : rank.prefetch_calls.take()) {
      EXPECT_THAT(call.group, testing::StartsWith("prefetch."));
      EXPECT_EQ(call.site, Site::kPrefetchHitCount);
      EXPECT_EQ(call.element_count, 1U);
      heard.push_back(call.members);
    }
    // Equal rank sets collapse, and there is no fallback to tp: those of attention are named.
    EXPECT_EQ(heard, heard_of(GetParam().attn_groups, rank.rank));
  });
}

std::string layout_name(const testing::TestParamInfo<GroupCase>& test) {
  std::string name = test.param.layout;
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Layouts, AgreementGroupsTest, testing::ValuesIn(kGroupCases), layout_name);

// Case 9.3 f: neither attention group is given, or both are of one rank.
TEST(AgreementTest, WithoutAttentionGroupsTheTpCacheGroupIsAsked) {
  CacheWorld world{{.layout = "tp4"}};
  world.run([](CacheRank& rank) {
    const CacheCommunicators only_tp{.tp_cache = rank.groups.find("tp")};
    Agreement agreement{AgreementKind::kAttnGroups, only_tp, std::chrono::seconds{10}};
    std::array<std::int32_t, 1> value = {static_cast<std::int32_t>(10 + rank.rank)};
    ASSERT_TRUE(agreement.reduce(Site::kWritingCheck, 0, value, ReduceOp::kMin));
    EXPECT_EQ(value[0], 10);
    EXPECT_EQ(agreement.counts(Site::kWritingCheck).wire_ops, 1U);
    EXPECT_EQ(agreement.tp_cache_size(), 4U);
  });
}

TEST(AgreementTest, ALoneRankAgreesWithItselfAndIsCounted) {
  Agreement agreement{AgreementKind::kAttnGroups, {}, std::chrono::seconds{1}};
  std::array<std::int32_t, 2> values = {3, 4};
  ASSERT_TRUE(agreement.reduce(Site::kCanTerminatePrefetch, 0, values, ReduceOp::kMax));
  ASSERT_TRUE(agreement.barrier(Site::kReleaseAbortedRequest, 0));
  EXPECT_THAT(values, ElementsAre(3, 4));
  EXPECT_EQ(agreement.total().agreements, 2U);
  EXPECT_EQ(agreement.total().wire_ops, 0U);
  EXPECT_EQ(agreement.tp_cache_size(), 1U);
}

TEST(AgreementTest, ContextThenTensorParallelIsAReductionOverTheWholeGrid) {
  CacheWorld world{{.layout = "sglang:tp=8,cp=2,dp=2"}};
  const auto answers = world.collect<std::array<std::int32_t, 2>>([](CacheRank& rank) {
    const auto own = static_cast<std::int32_t>(rank.rank);
    std::array<std::int32_t, 2> values = {own, -own};
    EXPECT_TRUE(rank.agreement.reduce(Site::kDrainStorageControlQueues, 0, values, ReduceOp::kMin));
    return values;
  });
  for (Rank rank = 0; rank < 8; ++rank) {
    EXPECT_THAT(answers[rank], rank < 4 ? ElementsAre(0, -3) : ElementsAre(4, -7)) << rank;
  }
}

TEST(AgreementTest, NamesReadAsTheyAreWritten) {
  for (const char* name : {"hardcoded_tp", "stage_tp", "attn_groups"}) {
    EXPECT_EQ(to_string(parse_agreement(name).value()), name);
  }
  const Result<AgreementKind> unknown = parse_agreement("attn");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, testing::HasSubstr("'attn'"));
}

}  // namespace
}  // namespace radixbench

// The conformance cases that upstream lacks (cache-behaviour 9.3): a, d, e and h on real ranks. b
// is in queue_drain_test.cc, c in stop_vote_test.cc, f in agreement_test.cc.

#include "base/random.h"
#include "inject/failing_host_allocator.h"
#include "support/cache_world.h"

#include <gmock/gmock.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr std::size_t kPages = 8;  // 512 tokens
const Tokens kPrompt = sequence(1, kPages, 64);

// Every rank has completed 512 tokens when it is asked, but rank 2, whose pages take twice as long.
std::vector<std::uint32_t> inserted_with_a_slow_rank(const std::string& layout,
                                                     AgreementKind agreement) {
  CacheWorldOptions options{
      .layout = layout, .agreement = agreement, .policy = PrefetchPolicy::kBestEffort};
  options.latency.page_read_ns = kMillisecond;
  options.latency.page_read_base_ns = 0;
  options.latency.hit_query_base_ns = 0;
  options.latency.hit_query_page_ns = 0;
  options.skews.resize(make_layout(layout)->world_size());
  options.skews[2].storage_ns = kMillisecond;
  return CacheWorld{options}.collect<std::uint32_t>([](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    // Replica 0 agreed at 1 ms, on the slow rank's query; 8 ms later it has four pages.
    EXPECT_TRUE(rank.step(9 * kMillisecond));
    EXPECT_TRUE(rank.check_progress(1));
    const PrefetchReport report = rank.cache->prefetch()->reports().at(0);
    EXPECT_EQ(report.own_completed, rank.rank == 2 ? 256U : 512U);
    EXPECT_EQ(report.inserted, rank.host_tokens(kPrompt));
    EXPECT_EQ(report.inserted + report.cut, 512U);
    return report.inserted;
  });
}

TEST(ReplicaCasesTest, ContextAndTensorParallelRanksAllInsertTheLeastThatAnyCompleted) {
  EXPECT_THAT(inserted_with_a_slow_rank("tp2cp2", AgreementKind::kAttnGroups), Each(256U));
}

TEST(ReplicaCasesTest, BeforeTheFixContextParallelPairsOfAReplicaKeepDifferentLengths) {
  // Ranks 0,1 and 2,3 are the attention TP groups of replica 0, ranks 0,2 and 1,3 its CP pairs.
  EXPECT_THAT(inserted_with_a_slow_rank("sglang:tp=8,cp=2,dp=2", AgreementKind::kHardcodedTp),
              ElementsAre(512, 512, 256, 256, 512, 512, 512, 512));
}

TEST(ReplicaCasesTest, AfterTheFixOneReplicaInsertsTheLeastAndTheOtherItsOwn) {
  EXPECT_THAT(inserted_with_a_slow_rank("sglang:tp=8,cp=2,dp=2", AgreementKind::kAttnGroups),
              ElementsAre(256, 256, 256, 256, 512, 512, 512, 512));
}

TEST(ReplicaCasesTest, StageTpLetsOneReplicaCutTheOther) {
  EXPECT_THAT(inserted_with_a_slow_rank("sglang:tp=8,cp=2,dp=2", AgreementKind::kStageTp),
              Each(256U));
}

// Rank 2 has no host pages for its first prefetch.
CacheWorldOptions with_an_absent_rank() {
  CacheWorldOptions options{.layout = "tp4", .policy = PrefetchPolicy::kTimeout};
  options.latency.hit_query_base_ns = 50 * kMillisecond;
  options.rules.prefetch_timeout_base_ns = 10 * kMillisecond;
  options.wrap_host_allocator = [](Rank rank, std::unique_ptr<HostAllocator> inner) {
    if (rank != 2) return inner;
    return make_failing_host_allocator(std::move(inner), HostUse::kPrefetch, 1);
  };
  return options;
}

TEST(ReplicaCasesTest, ARankWithoutThePrefetchTakesNoSideAndNobodyInserts) {
  CacheWorld world{with_an_absent_rank()};
  world.run([](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    EXPECT_EQ(rank.counts().prefetches_without_room, rank.rank == 2 ? 1U : 0U);
    // Within the limit the others say no, and beyond it yes: their vote stands.
    EXPECT_TRUE(rank.step(9 * kMillisecond));
    EXPECT_FALSE(rank.check_progress(1));
    EXPECT_TRUE(rank.step(11 * kMillisecond));
    EXPECT_TRUE(rank.check_progress(1));
    EXPECT_EQ(rank.host_tokens(kPrompt), 0U);
    EXPECT_EQ(rank.counts().prefetches_answered, 1U);
    EXPECT_EQ(rank.agreement.counts(Site::kCanTerminatePrefetch).agreements, 2U);
    EXPECT_EQ(rank.agreement.counts(Site::kCheckPrefetchProgress).agreements, 1U);
  });
}

TEST(ReplicaCasesTest, ARankWithoutThePrefetchMakesItsHitCountNothingAndAllRevoke) {
  CacheWorld world{with_an_absent_rank()};
  world.run([](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    EXPECT_TRUE(rank.step(51 * kMillisecond));
    EXPECT_FALSE(rank.cache->prefetch()->is_running(1));
    EXPECT_EQ(rank.counts().prefetches_revoked, 1U);
    const PrefetchReport report = rank.cache->prefetch()->reports().at(0);
    EXPECT_EQ(report.no_room, rank.rank == 2 ? 512U : 0U);
    EXPECT_EQ(report.not_in_storage, rank.rank == 2 ? 0U : 512U);
  });
}

// The peers' pages used to stay in their release queues for good, since the queue of the rank
// without was always that much shorter: host pools differed from then on, and so did what was
// evicted, until a rank no longer had a prefetch that its peers voted on.
TEST(ReplicaCasesTest, ARankWithoutThePrefetchDoesNotKeepItsPeersPagesInTheirQueues) {
  CacheWorld world{with_an_absent_rank()};
  world.run([](CacheRank& rank) {
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    EXPECT_TRUE(rank.step(51 * kMillisecond));
    EXPECT_TRUE(rank.step(52 * kMillisecond));
    EXPECT_EQ(rank.host->free_count(), 256U);
    EXPECT_EQ(rank.counts().pages_released, rank.rank == 2 ? 0U : 8U);
    EXPECT_TRUE(rank.cache->is_idle());
    EXPECT_THAT(rank.cache->violations(), testing::IsEmpty());
  });
}

// What the repair is for: the same, switched off.
TEST(ReplicaCasesTest, WithoutTheNeutralContributionTheOthersWaitForTheAbsentRank) {
  CacheWorldOptions options = with_an_absent_rank();
  options.rules.contributes_neutral = false;
  options.deadline = std::chrono::milliseconds{200};
  CacheWorld world{options};
  world.run([](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    const Result<bool> may_go_on = rank.cache->prefetch()->check_progress(1);
    if (rank.rank == 2) {
      EXPECT_TRUE(may_go_on && *may_go_on);
      return;
    }
    ASSERT_FALSE(may_go_on);
    EXPECT_THAT(may_go_on.error().message, testing::HasSubstr("can_terminate_prefetch"));
    EXPECT_THAT(may_go_on.error().message, testing::HasSubstr("rank 2"));
  });
}

// Pages of the prompt that each rank's storage holds; 16 of 64 tokens make 1024.
std::vector<PrefetchReport> fetch_with_hits(const std::vector<std::size_t>& hit_pages) {
  const Tokens prompt = sequence(1, 16, 64);
  CacheWorldOptions options{.layout = "tp2cp2", .policy = PrefetchPolicy::kWaitComplete};
  return CacheWorld{options}.collect<PrefetchReport>([&](CacheRank& rank) {
    rank.store(prompt, hit_pages.at(rank.rank));
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, prompt);
    EXPECT_EQ(rank.host->free_count(), 240U);
    EXPECT_TRUE(rank.step(100 * kMillisecond));
    EXPECT_TRUE(rank.check_progress(1));
    EXPECT_TRUE(rank.step(101 * kMillisecond));
    const PrefetchReport report = rank.cache->prefetch()->reports().at(0);
    // The tail, or all of it, went through the release queue: nothing else holds host pages.
    EXPECT_EQ(rank.host->free_count(), 256U - report.inserted / 64);
    EXPECT_EQ(rank.counts().pages_released, 16U - report.inserted / 64);
    EXPECT_TRUE(rank.cache->is_idle());
    EXPECT_THAT(rank.cache->violations(), testing::IsEmpty());
    return report;
  });
}

TEST(ReplicaCasesTest, OneRankWithoutTheThresholdMakesAllRevoke) {
  for (const PrefetchReport& report : fetch_with_hits({16, 15, 16, 0})) {
    EXPECT_EQ(report.inserted, 0U);
    EXPECT_EQ(report.not_in_storage, 1'024U);
  }
  // A page short of 256 tokens.
  for (const PrefetchReport& report : fetch_with_hits({16, 3, 16, 16})) {
    EXPECT_EQ(report.inserted, 0U);
    EXPECT_EQ(report.below_threshold, 192U);
  }
}

TEST(ReplicaCasesTest, AllFetchTheLeastHitAndReleaseTheTail) {
  for (const PrefetchReport& report : fetch_with_hits({16, 5, 16, 16})) {
    EXPECT_EQ(report.inserted, 320U);
    EXPECT_EQ(report.not_in_storage, 704U);
  }
  for (const PrefetchReport& report : fetch_with_hits({4, 16, 16, 16})) {
    EXPECT_EQ(report.inserted, 256U);
  }
}

// What is equal on all ranks of a replica after a run with equal inputs.
struct CacheState {
  std::size_t device_free = 0;
  std::size_t host_free = 0;
  std::uint64_t digest = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> tiers;  // of each prompt, pages

  friend bool operator==(const CacheState&, const CacheState&) = default;
};

std::vector<Tokens> random_prompts(std::uint64_t seed) {
  Random random{seed, "prompts"};
  std::vector<Tokens> prompts;
  for (TokenId i = 0; i < 12; ++i) {
    // Half of them go on from an earlier one, so that nodes are split.
    Tokens prompt = i % 2 == 0 ? Tokens{} : prompts[random.below(i)];
    prompt.resize(std::min<std::size_t>(prompt.size(), 3 * 64));
    prompts.push_back(prompt + sequence(1 + i * 100'000, 4 + random.below(8), 64));
  }
  return prompts;
}

CacheState churn(CacheRank& rank, std::uint64_t seed) {
  const std::vector<Tokens> prompts = random_prompts(seed);
  Random random{seed, "churn"};
  std::int64_t now_ns = 0;
  std::set<RequestId> waiting;
  for (RequestId request = 0; request < 120; ++request) {
    now_ns += static_cast<std::int64_t>(random.below(4'000'000));
    EXPECT_TRUE(rank.step(now_ns));
    const Tokens& prompt = prompts[random.below(prompts.size())];
    if (random.below(2) == 0) rank.keep(prompt);
    rank.start_prefetch(request, prompt);
    if (rank.cache->prefetch()->is_running(request)) waiting.insert(request);
    for (auto it = waiting.begin(); it != waiting.end();) {
      const bool is_aborted = random.below(10) == 0;
      if (is_aborted) {
        EXPECT_TRUE(rank.cache->prefetch()->release_aborted(*it));
      }
      it = is_aborted || rank.check_progress(*it) ? waiting.erase(it) : std::next(it);
    }
  }
  for (int i = 0; i < 200 && !(rank.cache->is_idle() && waiting.empty()); ++i) {
    EXPECT_TRUE(rank.step(now_ns += 10 * kMillisecond));
    std::erase_if(waiting, [&](RequestId request) { return rank.check_progress(request); });
  }
  EXPECT_TRUE(rank.cache->is_idle());
  EXPECT_THAT(rank.cache->violations(), testing::IsEmpty());
  CacheState state{rank.device->free_count(), rank.host->free_count(), rank.cache->digest(), {}};
  for (const Tokens& prompt : prompts) {
    const Match match = rank.peek(prompt);
    state.tiers.emplace_back(match.device_pages, match.host_pages);
  }
  return state;
}

class HostEqualityTest : public testing::TestWithParam<std::string> {};

TEST_P(HostEqualityTest, EqualInputsLeaveEqualPoolsAndTheSamePrefixesOnTheSameTiers) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    CacheWorldOptions options{.layout = GetParam(),
                              .policy = PrefetchPolicy::kTimeout,
                              .device_pages = 40,
                              .host_pages = 72};
    options.rules.prefetch_timeout_base_ns = 6 * kMillisecond;
    options.rules.prefetch_timeout_per_ki_token_ns = kMillisecond;
    options.skews.resize(make_layout(GetParam())->world_size());
    options.skews[1] = {.storage_ns = kMillisecond / 2, .write_ack_ns = 5 * kMillisecond};
    options.skews[2] = {.clock_ns = 2 * kMillisecond};
    CacheWorld world{options};
    std::vector<std::uint64_t> fetched(world.layout().world_size());
    const auto states = world.collect<CacheState>([&](CacheRank& rank) {
      CacheState state = churn(rank, seed);
      fetched[rank.rank] = rank.counts().pages_prefetched;
      return state;
    });
    EXPECT_GT(fetched[0], 0U);
    for (Rank rank = 0; rank < states.size(); ++rank) {
      EXPECT_EQ(states[rank], states[world.layout().replica(rank).front()]) << "rank " << rank;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts,
                         HostEqualityTest,
                         testing::Values("tp4", "tp2cp2", "sglang:tp=4,cp=4"),
                         [](const testing::TestParamInfo<std::string>& test) {
                           return "layout" + std::to_string(test.index);
                         });

}  // namespace
}  // namespace radixbench

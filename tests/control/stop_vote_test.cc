// Case 9.3 c: a prefetch is stopped where every rank can stop it, or any rank's was terminated.

#include "support/cache_world.h"

#include <gmock/gmock.h>

#include <array>
#include <string>

namespace radixbench {
namespace {

enum class Vote : std::uint8_t { kReady, kNotReady, kBroken };
using Votes = std::array<Vote, 4>;

constexpr std::size_t kPages = 8;
const Tokens kPrompt = sequence(1, kPages, 64);

bool may_stop(const Votes& votes) {
  bool is_anyone_broken = false;
  bool is_everyone_ready = true;
  for (const Vote vote : votes) {
    is_anyone_broken = is_anyone_broken || vote == Vote::kBroken;
    is_everyone_ready = is_everyone_ready && vote == Vote::kReady;
  }
  return is_everyone_ready || is_anyone_broken;
}

Votes votes_of(unsigned number) {
  Votes votes{};
  for (Vote& vote : votes) {
    vote = static_cast<Vote>(number % 3);
    number /= 3;
  }
  return votes;
}

std::string text_of(const Votes& votes) {
  std::string text;
  for (const Vote vote : votes) text += "RNB"[static_cast<std::size_t>(vote)];
  return text;
}

// Pages take a millisecond, on a rank that is not ready ten; at 30 ms the former have all come.
CacheWorldOptions options_for(const Votes& votes) {
  CacheWorldOptions options{.layout = "tp2cp2", .policy = PrefetchPolicy::kWaitComplete};
  options.latency.page_read_ns = kMillisecond;
  for (const Vote vote : votes) {
    options.skews.push_back({.storage_ns = vote == Vote::kNotReady ? 9 * kMillisecond : 0});
  }
  return options;
}

struct Outcome {
  bool may_go_on = false;
  std::uint32_t inserted_tokens = 0;
};

std::vector<Outcome> vote(const Votes& votes) {
  return CacheWorld{options_for(votes)}.collect<Outcome>([&](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    // An IO failure is an answer of storage: the third page turns out to be torn.
    if (votes.at(rank.rank) == Vote::kBroken) rank.tear(kPrompt, 2);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    EXPECT_TRUE(rank.step(30 * kMillisecond));
    const bool may_go_on = rank.check_progress(1);
    return Outcome{may_go_on, rank.host_tokens(kPrompt)};
  });
}

TEST(StopVoteTest, EveryCombinationOfFourRanksIsAnsweredAlikeOnAll) {
  for (unsigned number = 0; number < 81; ++number) {
    const Votes votes = votes_of(number);
    SCOPED_TRACE(text_of(votes));
    const std::vector<Outcome> outcomes = vote(votes);
    for (const Outcome& outcome : outcomes) {
      EXPECT_EQ(outcome.may_go_on, may_stop(votes));
      EXPECT_EQ(outcome.inserted_tokens, outcomes[0].inserted_tokens);
    }
  }
}

TEST(StopVoteTest, OneIoFailureStopsAllAtWhatItHad) {
  const std::vector<Outcome> outcomes =
      vote({Vote::kReady, Vote::kReady, Vote::kReady, Vote::kBroken});
  for (const Outcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.may_go_on);
    EXPECT_EQ(outcome.inserted_tokens, 2 * 64U);
  }
}

TEST(StopVoteTest, UnderTheTimeoutPolicyEveryClockMustHavePassedTheLimit) {
  CacheWorldOptions options{.layout = "tp4", .policy = PrefetchPolicy::kTimeout};
  options.rules.prefetch_timeout_base_ns = 100 * kMillisecond;
  options.rules.prefetch_timeout_per_ki_token_ns = 0;
  options.latency.page_read_ns = 1'000 * kMillisecond;
  options.skews = {{}, {.clock_ns = 5 * kMillisecond}, {}, {.clock_ns = -5 * kMillisecond}};
  const auto outcomes = CacheWorld{options}.collect<std::string>([](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    std::string answers;
    // At 98 ms only the fast clock is beyond, at 103 all but the slow one, at 106 all.
    for (const std::int64_t now_ms : {98, 103, 106}) {
      EXPECT_TRUE(rank.step(now_ms * kMillisecond));
      answers += rank.check_progress(1) ? 'y' : 'n';
    }
    return answers;
  });
  EXPECT_THAT(outcomes, testing::Each("nny"));
}

TEST(StopVoteTest, BestEffortAsksNobodyAndTakesTheLeast) {
  CacheWorldOptions options =
      options_for({Vote::kReady, Vote::kNotReady, Vote::kReady, Vote::kReady});
  options.policy = PrefetchPolicy::kBestEffort;
  const auto outcomes = CacheWorld{options}.collect<std::uint32_t>([](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    EXPECT_TRUE(rank.step(35 * kMillisecond));
    EXPECT_TRUE(rank.check_progress(1));
    EXPECT_EQ(rank.agreement.counts(Site::kCanTerminatePrefetch).agreements, 0U);
    EXPECT_EQ(rank.agreement.counts(Site::kCheckPrefetchProgress).agreements, 1U);
    return rank.host_tokens(kPrompt);
  });
  // Agreed after 9.3 ms, since the slow rank's query is slow too; then two of its pages.
  EXPECT_THAT(outcomes, testing::Each(2 * 64U));
}

TEST(StopVoteTest, TheVectorsAreThoseOfTheTable) {
  CacheWorld world{{.layout = "tp2"}};
  world.run([](CacheRank& rank) {
    rank.store(kPrompt, kPages);
    EXPECT_TRUE(rank.step(0));
    rank.start_prefetch(1, kPrompt);
    EXPECT_TRUE(rank.step(1'000 * kMillisecond));
    rank.scheduler_calls.take();
    EXPECT_TRUE(rank.check_progress(1));
    std::vector<std::pair<Site, std::uint32_t>> calls;
    for (const HeardCall& call : rank.scheduler_calls.take()) {
      EXPECT_EQ(call.key, 1U);
      calls.emplace_back(call.site, call.element_count);
    }
    EXPECT_THAT(calls,
                testing::ElementsAre(testing::Pair(Site::kCanTerminatePrefetch, 2U),
                                     testing::Pair(Site::kCheckPrefetchProgress, 1U)));
    EXPECT_TRUE(rank.step(1'001 * kMillisecond));
    calls.clear();
    for (const HeardCall& call : rank.scheduler_calls.take()) {
      calls.emplace_back(call.site, call.element_count);
    }
    EXPECT_THAT(calls,
                testing::ElementsAre(testing::Pair(Site::kWritingCheck, 1U),
                                     testing::Pair(Site::kLoadingCheck, 1U),
                                     testing::Pair(Site::kDrainStorageControlQueues, 3U)));
  });
}

}  // namespace
}  // namespace radixbench

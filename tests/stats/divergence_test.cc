#include "stats/divergence.h"

#include "stats/made_up_run.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

using ::testing::ElementsAre;

// Four ranks of one replica whose sites go to a group of two: {0,1} and {2,3} hear nothing of each
// other. Each step has a writing check (0 everywhere) and a drain; steps 0 to 9.
class DivergenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (Rank rank = 0; rank < 4; ++rank) {
      const std::vector<Rank> pair = rank < 2 ? std::vector<Rank>{0, 1} : std::vector<Rank>{2, 3};
      ranks_.emplace_back(rank)
          .group(1, "attention_tp", pair)
          .group(2, "attn_cp", {rank % 2, 2 + rank % 2});
    }
  }
  // One step of every rank, agreed; `progress` is what check_prefetch_progress left on each rank
  // for request 17, or -1 where a rank did not call it.
  void step(std::uint64_t step,
            std::array<std::int64_t, 4> progress,
            std::array<std::uint64_t, 4> digests) {
    for (Rank rank = 0; rank < 4; ++rank) {
      const auto at = static_cast<std::int64_t>(step * 100);
      ranks_[rank].call({.step = step, .site = kWritingCheck, .group_id = 1, .enter_ns = at});
      if (progress[rank] >= 0) {
        ranks_[rank].call({.step = step,
                           .site = kProgress,
                           .request_id = 17,
                           .group_id = 1,
                           .enter_ns = at + 10,
                           .values = {progress[rank], 0, 0}});
      }
      ranks_[rank].call({.step = step, .site = kDrain, .group_id = 1, .enter_ns = at + 20});
      ranks_[rank].step(step, digests[rank]);
    }
  }
  Divergence find() {
    auto found = find_divergences(views_of(ranks_), made_up_sites());
    EXPECT_EQ(found.size(), 1U);
    return found.at(0);
  }
  std::string sentence(const Divergence& divergence) {
    return to_sentence(divergence, made_up_sites());
  }

  std::deque<MadeUpRank> ranks_;
};

TEST_F(DivergenceTest, RanksThatAgreeShowNone) {
  step(0, {-1, -1, -1, -1}, {1, 1, 1, 1});
  step(1, {256, 256, 256, 256}, {2, 2, 2, 2});
  const Divergence found = find();
  EXPECT_FALSE(found.is_any());
  EXPECT_EQ(found.steps_compared, 2U);
  EXPECT_EQ(sentence(found), "");
}

TEST_F(DivergenceTest, PlantedDifferenceIsNamedWithStepSiteRequestSidesAndLengths) {
  step(0, {-1, -1, -1, -1}, {1, 1, 1, 1});
  step(1, {512, 512, 256, 256}, {2, 2, 2, 2});
  step(2, {-1, -1, -1, -1}, {3, 3, 4, 4});
  const Divergence found = find();
  EXPECT_EQ(found.first_differing_step, 2U);
  ASSERT_TRUE(found.disagreement);
  EXPECT_EQ(found.disagreement->step, 1U);
  EXPECT_EQ(found.disagreement->site, kProgress);
  EXPECT_EQ(found.disagreement->request_id, 17U);
  ASSERT_EQ(found.disagreement->sides.size(), 2U);
  EXPECT_THAT(found.disagreement->sides[0].ranks, ElementsAre(0, 1));
  EXPECT_THAT(found.disagreement->sides[1].ranks, ElementsAre(2, 3));
  EXPECT_EQ(
      sentence(found),
      "ranks of replica 0 disagree from step 2 on: at check_prefetch_progress for request 17 "
      "in step 1 ranks {0,1} agreed on 512 where ranks {2,3} agreed on 256: the call went to "
      "attention_tp{0,1}, which lacks ranks {2,3} of the replica, so each side went on with an "
      "answer of its own; the prefetch of request 17 gave 512 tokens to ranks {0,1} (step 1), "
      "256 tokens to ranks {2,3} (step 1)");
}

TEST_F(DivergenceTest, CallThatOnlySomeMadeIsADifference) {
  step(0, {-1, -1, -1, -1}, {1, 1, 1, 1});
  step(1, {-1, -1, 64, 64}, {2, 2, 2, 2});
  const Divergence found = find();
  ASSERT_TRUE(found.disagreement);
  EXPECT_EQ(found.disagreement->site, kProgress);
  EXPECT_THAT(sentence(found),
              ::testing::HasSubstr("ranks {0,1} did not call where ranks {2,3} agreed on 64"));
}

// The drain differs first, and one side stops the prefetch before the other ever does.
TEST_F(DivergenceTest, LengthsAreNamedThoughAnotherSiteDifferedFirst) {
  for (Rank rank = 0; rank < 4; ++rank) {
    ranks_[rank].call({.step = 0,
                       .site = kDrain,
                       .group_id = 1,
                       .enter_ns = 1,
                       .values = {0, rank < 2 ? 1 : 0, 0}});
    ranks_[rank].step(0, rank / 2);
  }
  step(1, {512, 512, -1, -1}, {1, 1, 2, 2});
  const Divergence found = find();
  ASSERT_TRUE(found.disagreement);
  EXPECT_EQ(found.disagreement->site, kDrain);
  ASSERT_TRUE(found.lengths);
  EXPECT_EQ(found.lengths->request_id, 17U);
  EXPECT_THAT(
      sentence(found),
      ::testing::HasSubstr("ranks {0,1} agreed on [0,1] where ranks {2,3} agreed on [0,0]"));
  EXPECT_THAT(
      sentence(found),
      ::testing::HasSubstr("the prefetch of request 17 gave 512 tokens to ranks {0,1} (step "
                           "1), 0 tokens to ranks {2,3} (not stopped there)"));
}

// The run ended for another reason in the step in which the first ranks took a prefetch.
TEST_F(DivergenceTest, PrefetchThatOnlySomeTookBeforeTheEndIsNoDivergence) {
  step(0, {-1, -1, -1, -1}, {1, 1, 1, 1});
  ranks_[0].call({.step = 1, .site = kProgress, .request_id = 17, .group_id = 1, .enter_ns = 500});
  EXPECT_FALSE(find().is_any());
}

// Where nobody is asked, a rank's own rows tell what it took.
TEST_F(DivergenceTest, LengthsOfLoneRanksComeFromTheirRows) {
  step(0, {-1, -1, -1, -1}, {1, 1, 1, 1});
  for (Rank rank = 0; rank < 4; ++rank) {
    PrefetchFacts prefetch;
    prefetch.request_id = 17;
    prefetch.requested = 512;
    prefetch.inserted = rank < 3 ? 512 : 256;
    ranks_[rank].view().prefetches.push_back(prefetch);
  }
  const Divergence found = find();
  ASSERT_TRUE(found.lengths);
  EXPECT_EQ(found.lengths->sides.size(), 2U);
  EXPECT_THAT(found.lengths->sides[1].ranks, ElementsAre(3));
}

TEST_F(DivergenceTest, HopsOfOneAgreementAreOneAndTheLastCounts) {
  for (Rank rank = 0; rank < 4; ++rank) {
    const std::int64_t first_hop = rank % 2 == 0 ? 512 : 256;
    ranks_[rank].call({.step = 0,
                       .site = kProgress,
                       .request_id = 17,
                       .group_id = 2,
                       .enter_ns = 1,
                       .values = {first_hop, 0, 0}});
    ranks_[rank].call({.step = 0,
                       .site = kProgress,
                       .request_id = 17,
                       .group_id = 1,
                       .enter_ns = 2,
                       .values = {256, 0, 0}});
    ranks_[rank].step(0, 1);
  }
  EXPECT_FALSE(find().is_any());
}

TEST_F(DivergenceTest, OnlyStepsThatAllRanksFinishedAreCompared) {
  step(0, {-1, -1, -1, -1}, {1, 1, 1, 1});
  ranks_[0].step(1, 99);
  ranks_[0].call({.step = 1, .site = kProgress, .request_id = 17, .group_id = 1, .enter_ns = 500});
  const Divergence found = find();
  EXPECT_FALSE(found.is_any());
  EXPECT_EQ(found.steps_compared, 1U);
}

TEST_F(DivergenceTest, DroppedRowsAreNoCallsThatWereNotMade) {
  step(0, {64, -1, 64, 64}, {1, 1, 1, 1});
  ranks_[1].view().rows_dropped = 1;
  EXPECT_FALSE(find().is_any());
}

TEST_F(DivergenceTest, DifferentHitCountsOfThePrefetchThreadAreFound) {
  step(0, {-1, -1, -1, -1}, {1, 1, 1, 1});
  for (Rank rank = 0; rank < 4; ++rank) {
    ranks_[rank].call({.step = 0,
                       .site = kHitCount,
                       .request_id = 3,
                       .group_id = 1,
                       .enter_ns = 50 + rank,
                       .values = {rank < 2 ? 128 : 64, 0, 0}});
  }
  const Divergence found = find();
  ASSERT_TRUE(found.disagreement);
  EXPECT_EQ(found.disagreement->site, kHitCount);
  EXPECT_EQ(found.disagreement->request_id, 3U);
}

TEST_F(DivergenceTest, ReplicasAreComparedApart) {
  for (Rank rank = 0; rank < 4; ++rank) {
    ranks_[rank].view().replica = rank / 2;
    ranks_[rank].step(0, rank / 2);
  }
  const auto found = find_divergences(views_of(ranks_), made_up_sites());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0].is_any());
  EXPECT_FALSE(found[1].is_any());
  EXPECT_THAT(found[1].ranks, ElementsAre(2, 3));
}

}  // namespace
}  // namespace radixbench

#include "stats/join.h"

#include "stats/made_up_run.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

using ::testing::ElementsAre;

// Two ranks, one operation: rank 0 enters at 100, rank 1 at 130, both leave at 150 and 160.
std::deque<MadeUpRank> pair_of_ranks() {
  std::deque<MadeUpRank> ranks;
  ranks.emplace_back(0).group(3, "attn_cp", {0, 1});
  ranks.emplace_back(1).group(3, "attn_cp", {0, 1});
  ranks[0].call({.group_id = 3, .enter_ns = 100, .exit_ns = 150});
  ranks[1].call({.group_id = 3, .enter_ns = 130, .exit_ns = 160});
  return ranks;
}

TEST(JoinTest, WaitWireSkewAndLastRankAreOfTheWholeOperation) {
  auto ranks = pair_of_ranks();
  const auto joined = join_samples(views_of(ranks));
  EXPECT_THAT(joined[0][0].wait_ns, ElementsAre(30));
  EXPECT_THAT(joined[1][0].wait_ns, ElementsAre(0));
  EXPECT_THAT(joined[0][0].wire_ns, ElementsAre(20));
  EXPECT_THAT(joined[1][0].wire_ns, ElementsAre(30));
  EXPECT_THAT(joined[0][0].skew_ns, ElementsAre(30));
  EXPECT_THAT(joined[1][0].last_rank, ElementsAre(1));
}

TEST(JoinTest, RowOfARankThatIsMissingLeavesMissingValuesNotZeros) {
  auto ranks = pair_of_ranks();
  ranks.pop_back();
  const auto joined = join_samples(views_of(ranks));
  EXPECT_THAT(joined[0][0].wait_ns, ElementsAre(kNotJoined));
  EXPECT_THAT(joined[0][0].wire_ns, ElementsAre(kNotJoined));
  EXPECT_THAT(joined[0][0].skew_ns, ElementsAre(kNotJoined));
  EXPECT_THAT(joined[0][0].last_rank, ElementsAre(kNotJoined));
}

TEST(JoinTest, OnlyTheOperationsThatLackARowAreMissing) {
  auto ranks = pair_of_ranks();
  ranks[0].call({.group_id = 3, .op_seq = 1, .enter_ns = 200, .exit_ns = 250});
  ranks[0].call({.group_id = 3, .op_seq = 2, .enter_ns = 300, .exit_ns = 350});
  ranks[1].call({.group_id = 3, .op_seq = 2, .enter_ns = 310, .exit_ns = 350});
  const auto joined = join_samples(views_of(ranks));
  EXPECT_THAT(joined[0][0].wait_ns, ElementsAre(30, kNotJoined, 10));
}

TEST(JoinTest, GroupsAreKnownByNameAndMembersNotByNumber) {
  std::deque<MadeUpRank> ranks;
  ranks.emplace_back(0).group(1, "attn_cp", {0, 1}).group(2, "attn_cp", {0, 2});
  ranks.emplace_back(1).group(2, "attn_cp", {0, 1});
  ranks.emplace_back(2).group(2, "attn_cp", {0, 2});
  ranks[0].call({.group_id = 1, .enter_ns = 10, .exit_ns = 90});
  ranks[0].call({.group_id = 2, .enter_ns = 20, .exit_ns = 90});
  ranks[1].call({.group_id = 2, .enter_ns = 30, .exit_ns = 90});
  ranks[2].call({.group_id = 2, .enter_ns = 70, .exit_ns = 90});
  const auto joined = join_samples(views_of(ranks));
  EXPECT_THAT(joined[0][0].wait_ns, ElementsAre(20, 50));
}

TEST(JoinTest, OperationThatFailedOrWasLeftBeforeAllCameIsNotJoined) {
  auto ranks = pair_of_ranks();
  ranks[0].call({.group_id = 3, .op_seq = 1, .enter_ns = 200, .exit_ns = 250, .flags = 1});
  ranks[1].call({.group_id = 3, .op_seq = 1, .enter_ns = 210, .exit_ns = 250});
  ranks[0].call({.group_id = 3, .op_seq = 2, .enter_ns = 300, .exit_ns = 310});
  ranks[1].call({.group_id = 3, .op_seq = 2, .enter_ns = 320, .exit_ns = 330});
  const auto joined = join_samples(views_of(ranks));
  EXPECT_THAT(joined[1][0].wait_ns, ElementsAre(0, kNotJoined, kNotJoined));
}

TEST(JoinTest, NumbersThatNoCallCanHaveAreNotJoined) {
  auto ranks = pair_of_ranks();
  ranks[0].call({.group_id = 3, .op_seq = ~std::uint64_t{0}, .enter_ns = 1, .exit_ns = 2});
  ranks[0].call({.group_id = 77, .op_seq = 0, .enter_ns = 1, .exit_ns = 2});
  const auto joined = join_samples(views_of(ranks));
  EXPECT_THAT(joined[0][0].wait_ns, ElementsAre(30, kNotJoined, kNotJoined));
}

}  // namespace
}  // namespace radixbench

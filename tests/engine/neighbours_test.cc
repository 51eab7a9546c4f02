#include "engine/neighbours.h"

#include "support/cache_world.h"

#include <gmock/gmock.h>

#include <functional>

namespace radixbench {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr std::chrono::seconds kDeadline{10};

void with_neighbours(const std::string& layout,
                     bool is_on,
                     const std::function<void(CacheRank&, Neighbours&)>& body) {
  CacheWorld world{{.layout = layout}};
  world.run([&](CacheRank& rank) {
    Neighbours neighbours{world.layout(), rank.rank, rank.groups, kDeadline, is_on};
    body(rank, neighbours);
  });
}

Inbox inbox_of(Rank rank) {
  Inbox inbox{.now_ns = 1'000 + rank, .arrived_count = rank, .is_stop = rank == 4, .aborts = {}};
  for (RequestId i = 0; i < kAbortsPerStepMax; ++i)
    inbox.aborts.push_back((RequestId{1} << 40) + i);
  inbox.aborts.resize(kAbortsPerStepMax - rank);
  return inbox;
}

void expect_inbox(const Inbox& inbox, Rank from) {
  const Inbox expected = inbox_of(from);
  EXPECT_EQ(inbox.now_ns, expected.now_ns);
  EXPECT_EQ(inbox.arrived_count, expected.arrived_count);
  EXPECT_EQ(inbox.is_stop, expected.is_stop);
  EXPECT_EQ(inbox.aborts, expected.aborts);
}

TEST(NeighboursTest, WhatTheEntryRankSaysReachesItsReplicaWhole) {
  with_neighbours("sglang:tp=8,cp=2,dp=2", true, [](CacheRank& rank, Neighbours& neighbours) {
    const Rank entry = rank.rank < 4 ? 0 : 4;
    EXPECT_EQ(neighbours.is_entry(), rank.rank == entry);
    const Result<Inbox> inbox = neighbours.receive(inbox_of(rank.rank));
    ASSERT_TRUE(inbox);
    expect_inbox(*inbox, entry);
  });
}

TEST(NeighboursTest, WithOneReplicaItReachesTheStageInOneHop) {
  with_neighbours("tp4cp2", true, [](CacheRank& rank, Neighbours& neighbours) {
    const Result<Inbox> inbox = neighbours.receive(inbox_of(rank.rank));
    ASSERT_TRUE(inbox);
    expect_inbox(*inbox, 0);
    const std::vector<HeardCall> calls = rank.scheduler_calls.take();
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_EQ(calls[0].kind, CallKind::kBroadcast);
    EXPECT_EQ(calls[0].members.size(), 8U);
  });
}

TEST(NeighboursTest, ReplicasLearnOneAnothersQueuesAndGoByTheLatestThatIsBusy) {
  with_neighbours("sglang:tp=8,cp=2,dp=2", true, [](CacheRank& rank, Neighbours& neighbours) {
    const bool is_second = rank.rank >= 4;
    // The busy replica is the earlier one: who idles follows.
    const Result<StageView> view =
        neighbours.forward(is_second ? 900 : 500, !is_second, is_second, is_second ? 7 : 3);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->next_now_ns, 500);
    EXPECT_FALSE(view->is_everyone_done);
    EXPECT_THAT(view->queue_lengths, ElementsAre(3, 7));
  });
}

TEST(NeighboursTest, WhereAllIdleTheEarliestIsNextAndAllDoneIsTheEnd) {
  with_neighbours("sglang:tp=4,dp=2", true, [](CacheRank& rank, Neighbours& neighbours) {
    const Result<StageView> view = neighbours.forward(rank.rank < 2 ? 900 : 500, false, true, 0);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->next_now_ns, 500);
    EXPECT_TRUE(view->is_everyone_done);
  });
}

TEST(NeighboursTest, WhereTwoAreBusyTheLaterIsWaitedFor) {
  with_neighbours("sglang:tp=4,dp=2", true, [](CacheRank& rank, Neighbours& neighbours) {
    const Result<StageView> view = neighbours.forward(rank.rank < 2 ? 900 : 500, true, false, 0);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->next_now_ns, 900);
  });
}

// Busy or idle: a replica that skipped forward would leave the others waiting.
TEST(NeighboursTest, BusyAndIdleMakeTheSameCalls) {
  with_neighbours("sglang:tp=8,cp=2,dp=2", true, [](CacheRank& rank, Neighbours& neighbours) {
    std::vector<std::vector<std::string>> groups;
    for (const bool is_busy : {true, false}) {
      ASSERT_TRUE(neighbours.receive({}));
      ASSERT_TRUE(neighbours.forward(1, is_busy, false, 0));
      groups.emplace_back();
      for (const HeardCall& call : rank.scheduler_calls.take()) groups.back().push_back(call.group);
    }
    EXPECT_THAT(groups,
                Each(ElementsAre("attention_tp", "attn_cp", "attention_tp.device", "tp.device")));
  });
}

TEST(NeighboursTest, SwitchedOffARankKnowsOnlyItself) {
  with_neighbours("sglang:tp=4,dp=2", false, [](CacheRank& rank, Neighbours& neighbours) {
    const Result<Inbox> inbox = neighbours.receive(inbox_of(rank.rank));
    ASSERT_TRUE(inbox);
    expect_inbox(*inbox, rank.rank);
    const Result<StageView> view = neighbours.forward(77, true, false, 5);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->next_now_ns, 77);
    EXPECT_EQ(view->queue_lengths.at(rank.rank / 2), 5U);
    EXPECT_TRUE(rank.scheduler_calls.take().empty());
  });
}

TEST(NeighboursTest, ALoneRankAsksNobody) {
  with_neighbours("tp1", true, [](CacheRank& rank, Neighbours& neighbours) {
    EXPECT_TRUE(neighbours.is_entry());
    expect_inbox(neighbours.receive(inbox_of(3)).value(), 3);
    EXPECT_TRUE(neighbours.forward(1, true, true, 0)->is_everyone_done);
    EXPECT_TRUE(rank.scheduler_calls.take().empty());
  });
}

}  // namespace
}  // namespace radixbench

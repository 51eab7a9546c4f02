// What gloo makes of calls of one group that differ, and of processes that it ends by itself.

#include "comm/gloo_world.h"
#include "comm/makers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::Values;

constexpr auto kPatience = 20s;
constexpr auto kShort = 300ms;

enum class End : std::uint8_t { kNever, kWell, kTimeout, kPeerLost, kOther, kKilled };

// What one rank saw of the call that differs: how it ended, and its first two values.
struct Seen {
  End end = End::kNever;
  std::array<std::int64_t, 2> values{};
};

End end_of(const Result<void>& result) {
  if (result) return End::kWell;
  if (result.error().code == ErrorCode::kTimeout) return End::kTimeout;
  return result.error().code == ErrorCode::kPeerLost ? End::kPeerLost : End::kOther;
}

class GlooMismatchTest : public testing::TestWithParam<Rank> {
 protected:
  using Part = std::function<Result<void>(Communicator& group, std::span<std::int64_t> values)>;
  using Check = std::function<void(const Error& error)>;

  void SetUp() override {
    if (const auto why = why_no_gloo()) GTEST_SKIP() << *why;
  }

  // Every rank makes its part of the group's call #1; `check` sees what failed in it.
  static std::vector<Seen> run(const Part& part, const Check& check = {}) {
    RankHarness harness{RankKind::kProcesses, *make_gloo_world(GetParam(), {}), GetParam()};
    harness.allow_end_by(SIGABRT);
    harness.run([&](Fabric& fabric, SharedBoard& board) {
      const auto group = fabric.open(everyone(fabric.world_size()), deadline_after(kPatience));
      ASSERT_TRUE(group);
      ASSERT_TRUE((*group)->barrier(call_within(kPatience)));
      std::array<std::int64_t, kElementsMax> values{};
      const Result<void> result = part(**group, values);
      const std::size_t note = std::size_t{3} * fabric.rank();
      board.notes[note] = static_cast<std::int64_t>(end_of(result));
      board.notes[note + 1] = values[0];
      board.notes[note + 2] = values[1];
      if (!result && check) check(result.error());
    });
    std::vector<Seen> seen(GetParam());
    for (Rank rank = 0; rank < GetParam(); ++rank) {
      const auto* notes = &harness.board().notes[std::size_t{3} * rank];
      seen[rank] = {static_cast<End>(notes[0].load()), {notes[1].load(), notes[2].load()}};
      if (harness.ended_by()[rank] != 0) seen[rank].end = End::kKilled;
    }
    return seen;
  }

  // One of the members brings `short_count` elements, the others `long_count`.
  static Part reduce(std::size_t short_count, std::size_t long_count) {
    return [=](Communicator& group, std::span<std::int64_t> values) {
      const std::size_t count = group.index() == 0 ? short_count : long_count;
      return group.all_reduce(values.first(count), ReduceOp::kMax, call_within(kShort));
    };
  }

  static void expect_first_killed_others_lost(const std::vector<Seen>& seen) {
    EXPECT_EQ(seen.front().end, End::kKilled);
    EXPECT_THAT(std::vector(seen.begin() + 1, seen.end()), Each(Field(&Seen::end, End::kPeerLost)));
  }
};

// The longer side's first message does not fit: gloo finds out on a thread of its own, and throws.
TEST_P(GlooMismatchTest, MuchShorterVectorEndsItsProcessAndItsPeersNameIt) {
  const auto seen = run(reduce(1, kElementsMax), [](const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("rank 0 died"));
  });
  expect_first_killed_others_lost(seen);
}

// Where each piece that gloo cuts a vector into is one element on both sides, the shorter side is
// served, whatever with, and the other waits for pieces that do not come.
TEST_P(GlooMismatchTest, SlightlyShorterVectorEndsWellAndTheLongerSideFails) {
  const auto seen = run(reduce(2, 3), [](const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("can_terminate_prefetch #1 on everyone{"));
  });
  EXPECT_EQ(seen.front().end, End::kWell);
  for (auto member = seen.begin() + 1; member != seen.end(); ++member) {
    EXPECT_THAT(member->end, testing::AnyOf(End::kTimeout, End::kPeerLost));
  }
}

// int32[2] against int64[2].
TEST_P(GlooMismatchTest, NarrowerTypeEndsItsProcess) {
  const auto seen = run([](Communicator& group, std::span<std::int64_t> values) {
    std::array<std::int32_t, 2> narrow{};
    const Call call = call_within(kShort);
    if (group.index() == 0) return group.all_reduce(std::span{narrow}, ReduceOp::kMax, call);
    return group.all_reduce(values.first(2), ReduceOp::kMax, call);
  });
  expect_first_killed_others_lost(seen);
}

// Whoever owns a piece of the vector decides about it: nobody is told, all have the same.
TEST_P(GlooMismatchTest, DifferentOperatorsMixInSilence) {
  const auto seen = run([](Communicator& group, std::span<std::int64_t> values) {
    std::ranges::fill(values, static_cast<std::int64_t>(group.index()));
    const ReduceOp op = group.index() == 0 ? ReduceOp::kMin : ReduceOp::kMax;
    return group.all_reduce(values.first(2), op, call_within(kPatience));
  });
  EXPECT_THAT(seen, Each(Field(&Seen::end, End::kWell)));
  EXPECT_THAT(seen, Each(Field(&Seen::values, seen.front().values)));
}

// Everyone has come, and each waits for another's values.
TEST_P(GlooMismatchTest, RootsThatWaitForEachOtherRunIntoTheDeadlineWithNobodyMissing) {
  const auto seen = run(
      [](Communicator& group, std::span<std::int64_t> values) {
        const std::size_t root = group.index() == 0 ? group.size() - 1 : 0;
        return group.broadcast(values.first(1), root, call_within(kShort));
      },
      [](const Error& error) {
        const bool is_late = error.code == ErrorCode::kTimeout;
        EXPECT_THAT(error.message, HasSubstr(is_late ? "all members came" : "gave up"));
      });
  for (const Seen& member : seen) {
    EXPECT_THAT(member.end, testing::AnyOf(End::kTimeout, End::kPeerLost));
  }
}

TEST_P(GlooMismatchTest, ReceiverOfAShorterBroadcastDiesAndTheRootIsDone) {
  const auto seen = run([](Communicator& group, std::span<std::int64_t> values) {
    const std::size_t root = group.size() - 1;
    return group.broadcast(values.first(group.index() == 0 ? 1 : 2), root, call_within(kShort));
  });
  EXPECT_EQ(seen.front().end, End::kKilled);
  EXPECT_EQ(seen.back().end, End::kWell);
}

// Members that pass it on pass on what they had themselves beyond it.
TEST_P(GlooMismatchTest, ShorterRootLeavesTheRestInSilence) {
  const auto seen = run([](Communicator& group, std::span<std::int64_t> values) {
    std::ranges::fill(values, static_cast<std::int64_t>(10 + group.index()));
    return group.broadcast(values.first(group.index() == 0 ? 1 : 2), 0, call_within(kPatience));
  });
  for (Rank rank = 0; rank < seen.size(); ++rank) {
    EXPECT_EQ(seen[rank].end, End::kWell);
    EXPECT_EQ(seen[rank].values[0], 10);
    EXPECT_EQ(seen[rank].values[1] == 10, rank == 0);
  }
}

TEST_P(GlooMismatchTest, ShorterGatherEndsItsProcess) {
  const auto seen = run([](Communicator& group, std::span<std::int64_t> values) {
    const std::vector<std::int64_t> mine(group.index() == 0 ? 1 : 2, 5);
    return group.all_gather(mine, values.first(mine.size() * group.size()), call_within(kShort));
  });
  EXPECT_EQ(seen.front().end, End::kKilled);
}

TEST_P(GlooMismatchTest, ShorterReceiveEndsItsProcessAndALongerOneIsFilledInPart) {
  for (const std::size_t sent : {std::size_t{1}, std::size_t{3}}) {
    const auto seen = run([&](Communicator& group, std::span<std::int64_t> values) {
      if (group.index() > 1) return Result<void>{};
      std::ranges::fill(values, group.index() == 0 ? 7 : 8);
      if (group.index() == 0) return group.send(values.first(sent), 1, call_within(kPatience));
      return group.recv(values.first(2), 0, call_within(kPatience));
    });
    EXPECT_EQ(seen[0].end, End::kWell);
    EXPECT_EQ(seen[1].end, sent == 3 ? End::kKilled : End::kWell);
    if (sent == 3) continue;
    EXPECT_THAT(seen[1].values, testing::ElementsAre(7, 8));
  }
}

INSTANTIATE_TEST_SUITE_P(, GlooMismatchTest, Values(2, 4), testing::PrintToStringParamName());

}  // namespace
}  // namespace radixbench

// What every transport does when a member does not come, ends, or comes with something else.

#include "comm/makers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <array>
#include <csignal>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Values;
using testing::ValuesIn;

constexpr auto kPatience = 20s;  // for calls that are to succeed, or to fail by something else
constexpr auto kShort = 80ms;    // for calls that are to run into their deadline
constexpr auto kSlack = 5s;      // on a machine with more ranks than cores

std::unique_ptr<Communicator> open_everyone(Fabric& fabric, std::uint32_t ordinal = 0) {
  auto group = fabric.open(everyone(fabric.world_size(), ordinal), deadline_after(kPatience));
  if (group) return *std::move(group);
  ADD_FAILURE() << group.error().message;
  return nullptr;
}

std::vector<Rank> ranks_but(Rank world_size, Rank left_out) {
  std::vector<Rank> ranks = everyone(world_size).members;
  std::erase(ranks, left_out);
  return ranks;
}

// How long a call took, and what it said.
struct Timed {
  Result<void> result;
  std::chrono::nanoseconds took;
};
template <typename Make>
Timed timed(Make make) {
  const std::int64_t start_ns = monotonic_ns();
  Result<void> result = make();
  return {std::move(result), std::chrono::nanoseconds{monotonic_ns() - start_ns}};
}

class FailuresTest : public RanksTest {};

// What lenient transports do of calls that do not match.
class MismatchTest : public RanksTest {};

// All but the last rank wait in call #2: the first to run out of time says so, the others that it
// gave up; all name the last rank, and who is with them.
TEST_P(FailuresTest, MissingRankEndsTheCallByItsDeadlineAndIsNamed) {
  const auto harness = make_harness(rank_count());
  harness->run([](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    const Rank missing = fabric.world_size() - 1;
    ASSERT_TRUE(group->barrier(call_within(kPatience)));
    ASSERT_TRUE(group->barrier(call_within(kPatience)));
    if (fabric.rank() == missing) return board.await_note(0, missing);
    std::array<std::int32_t, 2> values{3, 4};
    const Timed call = timed(
        [&] { return group->all_reduce(std::span{values}, ReduceOp::kMin, call_within(kShort)); });
    ++board.notes[0];
    ASSERT_FALSE(call.result);
    EXPECT_LT(call.took, kShort + kSlack);
    ASSERT_TRUE(group->failure().has_value());
    const CallFailure& failure = *group->failure();
    EXPECT_EQ(failure.code, call.result.error().code);
    EXPECT_EQ(failure.kind, CallKind::kAllReduce);
    EXPECT_EQ(failure.sequence, 2U);
    EXPECT_EQ(failure.site, 4);
    EXPECT_EQ(failure.key, 77U);
    EXPECT_THAT(failure.absent, testing::Contains(missing));
    EXPECT_THAT(failure.present, testing::Contains(fabric.rank()));
    EXPECT_THAT(failure.dead, testing::IsEmpty());
    EXPECT_THAT(
        call.result.error().message,
        HasSubstr("can_terminate_prefetch #2 on " + describe(everyone(fabric.world_size()))));
    if (failure.code == ErrorCode::kTimeout) {
      ++board.notes[1];
      EXPECT_GE(call.took, kShort);
      EXPECT_THAT(call.result.error().message, HasSubstr("did not come within"));
    } else {
      EXPECT_EQ(failure.code, ErrorCode::kPeerLost);
      EXPECT_TRUE(failure.gave_up.has_value());
    }
  });
  EXPECT_GE(harness->board().notes[1].load(), 1);
}

TEST_P(FailuresTest, TimeoutSaysTheWholeSentence) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    const Rank missing = fabric.world_size() - 1;
    if (fabric.rank() == missing) return board.await_note(0, missing);
    // Rank 0 alone runs out of time: the others come with all the time in the world.
    const auto wait = fabric.rank() == 0 ? 300ms : std::chrono::milliseconds{kPatience};
    const auto result = group->barrier(call_within(wait));
    ++board.notes[0];
    ASSERT_FALSE(result);
    const std::string where = "can_terminate_prefetch #0 on " + describe(group->group());
    const std::string present =
        fmt::format(" (present {})", fmt::join(ranks_but(fabric.world_size(), missing), ", "));
    const std::string why = fabric.rank() == 0
                                ? fmt::format(": rank {} did not come within ", missing)
                                : fmt::format(": rank 0 gave up; rank {} had not come", missing);
    EXPECT_THAT(result.error().message, testing::StartsWith(where + why));
    EXPECT_THAT(result.error().message, testing::EndsWith(present));
  });
}

TEST_P(FailuresTest, BrokenGroupStaysBrokenAndOthersStayWhole) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric, 0);
    const auto other = open_everyone(fabric, 1);
    ASSERT_TRUE(group != nullptr && other != nullptr);
    if (fabric.rank() == 0) {
      ASSERT_FALSE(group->barrier(call_within(kShort)));
      EXPECT_EQ(group->failure()->code, ErrorCode::kTimeout);
      ++board.notes[0];
    }
    board.await_note(0, 1);
    for (int again = 0; again < 2; ++again) {
      const Timed late = timed([&] { return group->barrier(call_within(kPatience)); });
      ASSERT_FALSE(late.result);
      EXPECT_LT(late.took, kSlack);
      EXPECT_EQ(late.result.error().code, ErrorCode::kPeerLost);
      EXPECT_EQ(group->failure()->gave_up, Rank{0});
      EXPECT_EQ(group->failure()->gave_up_sequence, 0U);
    }
    EXPECT_TRUE(other->barrier(call_within(kPatience)));
  });
}

TEST_P(FailuresTest, CallsOfDifferentKindsNeverPair) {
  if (maker().may_pair_kinds) GTEST_SKIP() << "MPI's are in mpi_mismatch_test";
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    ASSERT_TRUE(group->barrier(call_within(kPatience)));
    std::array<std::int64_t, 1> value{5};
    const Timed call = timed([&] {
      return fabric.rank() == 0
                 ? group->barrier(call_within(kShort))
                 : group->all_reduce(std::span{value}, ReduceOp::kMax, call_within(kShort));
    });
    ASSERT_FALSE(call.result);
    EXPECT_EQ(value[0], 5);
    EXPECT_LT(call.took, kShort + kSlack);
    const CallFailure& failure = *group->failure();
    EXPECT_EQ(failure.sequence, 1U);
    if (failure.code == ErrorCode::kTimeout) {
      EXPECT_GE(call.took, kShort);
    }
    const Rank other_side = fabric.rank() == 0 ? fabric.world_size() - 1 : 0;
    EXPECT_THAT(failure.absent, testing::Contains(other_side));
  });
}

TEST_P(MismatchTest, OfAShorterVectorThePrefixIsReduced) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    const bool is_short = fabric.rank() == fabric.world_size() - 1;
    std::vector<std::int64_t> values(is_short ? 9U : 12U, is_short ? 100 : 1);
    ASSERT_TRUE(group->all_reduce(std::span{values}, ReduceOp::kMax, call_within(kPatience)));
    std::vector<std::int64_t> expected(values.size(), 100);
    if (!is_short) std::fill(expected.begin() + 9, expected.end(), 1);
    EXPECT_EQ(values, expected);
    ASSERT_TRUE(group->barrier(call_within(kPatience))) << "the group is whole";
  });
}

TEST_P(MismatchTest, OfDifferentOperatorsTheLowestRanksWins) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    GroupSpec backwards = everyone(fabric.world_size());
    std::reverse(backwards.members.begin(), backwards.members.end());
    const auto group = fabric.open(backwards, deadline_after(kPatience));
    ASSERT_TRUE(group);
    for (const ReduceOp lowest : {ReduceOp::kMin, ReduceOp::kMax}) {
      const ReduceOp other = lowest == ReduceOp::kMin ? ReduceOp::kMax : ReduceOp::kMin;
      std::array<std::int32_t, 1> value{static_cast<std::int32_t>(fabric.rank())};
      const ReduceOp mine = fabric.rank() == 0 ? lowest : other;
      ASSERT_TRUE((*group)->all_reduce(std::span{value}, mine, call_within(kPatience)));
      const Rank expected = lowest == ReduceOp::kMin ? 0 : fabric.world_size() - 1;
      EXPECT_EQ(static_cast<Rank>(value[0]), expected);
    }
  });
}

TEST_P(MismatchTest, OfDifferentTypesTheNarrowSideKeepsTheLowHalf) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    constexpr std::int64_t kWide = (std::int64_t{1} << 40) + 6;
    if (fabric.rank() == 0) {
      std::array<std::int32_t, 2> narrow{-7, 1};
      ASSERT_TRUE(group->all_reduce(std::span{narrow}, ReduceOp::kMax, call_within(kPatience)));
      EXPECT_THAT(narrow, ElementsAre(-7, 6));
    } else {
      std::array<std::int64_t, 2> wide{-8, kWide};
      ASSERT_TRUE(group->all_reduce(std::span{wide}, ReduceOp::kMax, call_within(kPatience)));
      EXPECT_THAT(wide, ElementsAre(-7, kWide));
    }
  });
}

TEST_P(MismatchTest, OfDifferentRootsTheLowestRanksWins) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    std::array<std::int64_t, 1> value{10 + fabric.rank()};
    const std::size_t root = fabric.rank() == 0 ? 1 : 0;
    ASSERT_TRUE(group->broadcast(value, root, call_within(kPatience)));
    EXPECT_EQ(value[0], 11);
  });
}

TEST_P(MismatchTest, OfAShorterGatherThePrefixIsThere) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    const std::vector<std::int64_t> mine(fabric.rank() == 0 ? 1U : 2U, 5);
    std::vector<std::int64_t> all(mine.size() * group->size(), -1);
    ASSERT_TRUE(group->all_gather(mine, all, call_within(kPatience)));
    std::vector<std::int64_t> expected(all.size(), 5);
    if (fabric.rank() != 0) expected[1] = -1;
    EXPECT_EQ(all, expected);
  });
}

// Processes are killed inside a call that rank 0 holds up; threads can only leave before it.
TEST_P(FailuresTest, DyingRankFailsItsPeersWithinASecondOfItsDeath) {
  const auto harness = make_harness(rank_count());
  const Rank victim = rank_count() - 1;
  enum : std::size_t { kReady, kMarkedNs };
  const bool dies_inside = has_processes();
  const auto body = [&](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    ASSERT_TRUE(group->barrier(call_within(kPatience)));
    ++board.notes[kReady];
    if (fabric.rank() == victim && !dies_inside) return;
    if (fabric.rank() == 0) board.await_note(kMarkedNs, 1);
    Result<void> result;
    while (result) result = group->barrier(call_within(kPatience));
    EXPECT_LT(monotonic_ns() - board.notes[kMarkedNs].load(), std::int64_t{1'000'000'000});
    EXPECT_EQ(result.error().code, ErrorCode::kPeerLost);
    EXPECT_THAT(group->failure()->dead, ElementsAre(victim));
    EXPECT_THAT(result.error().message, HasSubstr(fmt::format("rank {} died", victim)));
  };
  harness->run(body, [&] {
    harness->board().await_note(kReady, rank_count());
    std::this_thread::sleep_for(20ms);
    if (dies_inside) harness->kill_rank(victim);
    // Before, not after: a peer may be done with all of this before this thread runs again.
    harness->board().notes[kMarkedNs] = monotonic_ns();
    harness->world().mark_dead(victim);
  });
}

TEST_P(FailuresTest, InterruptionEndsWaitsAndLaterCalls) {
  const auto harness = make_harness(rank_count());
  const auto body = [&](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric, 0);
    const auto other = open_everyone(fabric, 1);
    ASSERT_TRUE(group != nullptr && other != nullptr);
    ++board.notes[0];
    if (fabric.rank() == 0) return board.await_note(1, fabric.world_size() - 1);
    const Timed waiting = timed([&] { return group->barrier(call_within(kPatience)); });
    const Timed later = timed([&] { return other->barrier(call_within(kPatience)); });
    ++board.notes[1];
    ASSERT_FALSE(waiting.result);
    ASSERT_FALSE(later.result);
    EXPECT_EQ(waiting.result.error().code, ErrorCode::kInterrupted);
    EXPECT_EQ(later.result.error().code, ErrorCode::kInterrupted);
    EXPECT_THAT(waiting.result.error().message, HasSubstr("interrupted; rank 0 had not come"));
    EXPECT_LT(waiting.took + later.took, kSlack);
  };
  harness->run(body, [&] {
    harness->board().await_note(0, rank_count());
    std::this_thread::sleep_for(20ms);
    harness->world().interrupt();
  });
}

// Only processes can be stopped.
class StoppedPeersTest : public RanksTest {};

TEST_P(StoppedPeersTest, DoNotKeepACallBeyondItsDeadline) {
  const auto harness = make_harness(rank_count());
  const auto body = [&](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    ++board.notes[0];
    while (fabric.rank() != 0 && board.notes[1] == 0) {  // stopped somewhere in here
      const Result<void> left = group->barrier(call_within(kPatience));
      if (left) continue;
      // Over gloo some sat out their own deadline: gloo forgets sends to who closed the connection.
      EXPECT_EQ(left.error().code, ErrorCode::kPeerLost) << left.error().message;
      return;
    }
    if (fabric.rank() != 0) return;
    Result<void> result;
    Timed last{result, {}};
    while (last.result) last = timed([&] { return group->barrier(call_within(kShort)); });
    board.notes[1] = 1;
    EXPECT_EQ(last.result.error().code, ErrorCode::kTimeout);
    EXPECT_LT(last.took, kShort + kSlack);
  };
  harness->run(body, [&] {
    harness->board().await_note(0, rank_count());
    for (Rank rank = 1; rank < rank_count(); ++rank) harness->signal_rank(rank, SIGSTOP);
    harness->board().await_note(1, 1);
    for (Rank rank = 1; rank < rank_count(); ++rank) harness->signal_rank(rank, SIGCONT);
  });
}

INSTANTIATE_TEST_SUITE_P(, FailuresTest, ValuesIn(cases(makers(), {2, 3, 4, 8, 16})), name_param);

INSTANTIATE_TEST_SUITE_P(,
                         MismatchTest,
                         ValuesIn(cases(lenient_makers(), {2, 3, 4, 8, 16})),
                         name_param);

INSTANTIATE_TEST_SUITE_P(,
                         StoppedPeersTest,
                         ValuesIn(cases(process_makers(), {2, 3, 8})),
                         name_param);

}  // namespace
}  // namespace radixbench

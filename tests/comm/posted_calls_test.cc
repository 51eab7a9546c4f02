// The non-blocking forms, over every transport: they pair with blocking calls, are over when all
// have come and not before, and fail as blocking ones do.

#include "comm/makers.h"

#include <gmock/gmock.h>

#include <array>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;
using testing::Values;
using testing::ValuesIn;

constexpr auto kPatience = 20s;
constexpr auto kShort = 80ms;

std::unique_ptr<Communicator> open_everyone(Fabric& fabric) {
  auto group = fabric.open(everyone(fabric.world_size()), deadline_after(kPatience));
  if (group) return *std::move(group);
  ADD_FAILURE() << group.error().message;
  return nullptr;
}

// One way to end a posted call.
enum class Ending : std::uint8_t { kWait, kTest };

Result<void> end(Communicator& group, Ending ending) {
  if (ending == Ending::kWait) return group.wait();
  while (true) {
    const Result<bool> is_over = group.test();
    if (!is_over) return tl::unexpected(is_over.error());
    if (*is_over) return {};
    std::this_thread::yield();
  }
}

class PostedCallsTest : public RanksTest {};

// Ranks take turns in who posts and who blocks, and in how a posted call ends.
TEST_P(PostedCallsTest, PairWithBlockingOnesAndLeaveTheSame) {
  const auto harness = make_harness(rank_count());
  harness->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    const auto size = static_cast<std::int64_t>(group->size());
    const auto mine = static_cast<std::int64_t>(group->index());
    for (std::int64_t round = 0; round < 24; ++round) {
      const auto make = [&](const Operation& operation) {
        const std::int64_t turn = (round + mine) % 3;
        const Call call = call_within(kPatience);
        if (turn == 0) return group->make(operation, call);
        if (auto posted = group->post(operation, call); !posted) return posted;
        return end(*group, turn == 1 ? Ending::kWait : Ending::kTest);
      };
      std::array<std::int32_t, 2> narrow{static_cast<std::int32_t>(round + mine), 7};
      ASSERT_TRUE(make(Operation::all_reduce(std::span{narrow}, ReduceOp::kMin)));
      ASSERT_THAT(narrow, ElementsAre(round, 7));
      std::array<std::int64_t, 9> wide{};
      wide.fill(round - mine);
      ASSERT_TRUE(make(Operation::all_reduce(std::span{wide}, ReduceOp::kSum)));
      ASSERT_THAT(wide, Each(size * round - size * (size - 1) / 2));
      ASSERT_TRUE(make(Operation::barrier()));
      const auto root = static_cast<std::size_t>(round % size);
      std::array<std::int64_t, 1> sent{mine == round % size ? 100 + round : -1};
      ASSERT_TRUE(make(Operation::broadcast(sent, root)));
      ASSERT_THAT(sent, ElementsAre(100 + round));
      std::vector<std::int64_t> all(group->size(), -1);
      const std::array<std::int64_t, 1> own{mine * 10 + round};
      ASSERT_TRUE(make(Operation::all_gather(own, all)));
      for (std::int64_t member = 0; member < size; ++member) {
        ASSERT_EQ(all[static_cast<std::size_t>(member)], member * 10 + round);
      }
    }
  });
}

TEST_P(PostedCallsTest, AreNotOverBeforeTheLastHasCome) {
  const auto harness = make_harness(rank_count());
  harness->run([](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    std::array<std::int64_t, 1> value{static_cast<std::int64_t>(fabric.rank())};
    if (fabric.rank() + 1 == fabric.world_size()) {
      board.await_note(0, fabric.world_size() - 1);  // everyone has looked, and nothing was there
    } else {
      ASSERT_TRUE(group->post(Operation::all_reduce(std::span{value}, ReduceOp::kMax),
                              call_within(kPatience)));
      for (int look = 0; look < 50; ++look) {
        const auto is_over = group->test();
        ASSERT_TRUE(is_over) << is_over.error().message;
        ASSERT_FALSE(*is_over);
      }
      ++board.notes[0];
      ASSERT_TRUE(end(*group, fabric.rank() % 2 == 0 ? Ending::kTest : Ending::kWait));
      EXPECT_EQ(value[0], fabric.world_size() - 1);
      return;
    }
    ASSERT_TRUE(group->all_reduce(std::span{value}, ReduceOp::kMax, call_within(kPatience)));
  });
}

TEST_P(PostedCallsTest, FailByTheirDeadlineAndNameWhoDidNotCome) {
  const auto harness = make_harness(rank_count());
  harness->run([](Fabric& fabric, SharedBoard& board) {
    const auto group = open_everyone(fabric);
    ASSERT_NE(group, nullptr);
    const Rank missing = fabric.world_size() - 1;
    if (fabric.rank() == missing) {
      board.await_note(0, missing);
      return;
    }
    Result<void> ended = group->post(Operation::barrier(), call_within(kShort));
    if (ended) ended = end(*group, fabric.rank() % 2 == 0 ? Ending::kTest : Ending::kWait);
    ASSERT_FALSE(ended);
    ASSERT_TRUE(group->failure());
    EXPECT_THAT(group->failure()->absent, testing::Contains(missing));
    EXPECT_EQ(group->failure()->kind, CallKind::kBarrier);
    EXPECT_EQ(group->failure()->site, 4);
    ++board.notes[0];
  });
}

INSTANTIATE_TEST_SUITE_P(Transports,
                         PostedCallsTest,
                         ValuesIn(cases(makers(), {2, 3, 8})),
                         name_param);

}  // namespace
}  // namespace radixbench

// What every transport answers when all members come and make the same calls.

#include "comm/makers.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <limits>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAreArray;
using testing::Values;
using testing::ValuesIn;

constexpr auto kPatience = 20s;

// What the member of a rank brings to a call: signed, and different in every element.
std::int64_t value_of(Rank rank, std::size_t call, std::size_t i) {
  const std::uint64_t mixed = (rank + 1) * 7919ULL + call * 104729ULL + i * 31ULL;
  return static_cast<std::int64_t>(mixed * mixed % 200003ULL) - 100000;
}

template <typename Element>
std::vector<Element> values_of(Rank rank, std::size_t call, std::size_t count) {
  std::vector<Element> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<Element>(value_of(rank, call, i));
  }
  return values;
}

template <typename Element>
std::vector<Element> reduce_model(Rank rank_count,
                                  std::size_t call,
                                  std::size_t count,
                                  ReduceOp op) {
  std::vector<Element> reduced = values_of<Element>(0, call, count);
  for (Rank rank = 1; rank < rank_count; ++rank) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto value = static_cast<Element>(value_of(rank, call, i));
      if (op == ReduceOp::kMin) reduced[i] = std::min(reduced[i], value);
      if (op == ReduceOp::kMax) reduced[i] = std::max(reduced[i], value);
      if (op == ReduceOp::kSum) reduced[i] = static_cast<Element>(reduced[i] + value);
    }
  }
  return reduced;
}

// Both sides of one line, its last element, and as long as it gets.
constexpr std::array<std::size_t, 7> kCounts{0, 1, 2, 7, 8, 16, kElementsMax};

template <typename Element>
void reduce_everything(Communicator& group) {
  std::size_t call = 0;
  for (const std::size_t count : kCounts) {
    for (const ReduceOp op : {ReduceOp::kMin, ReduceOp::kMax, ReduceOp::kSum}) {
      const Rank rank = group.group().members[group.index()];
      auto values = values_of<Element>(rank, ++call, count);
      ASSERT_TRUE(group.all_reduce(std::span{values}, op, call_within(kPatience)));
      const auto size = static_cast<Rank>(group.size());
      ASSERT_THAT(values, ElementsAreArray(reduce_model<Element>(size, call, count, op)))
          << to_string(op) << " of " << count;
    }
  }
}

std::unique_ptr<Communicator> open_or_fail(Fabric& fabric, const GroupSpec& spec) {
  auto group = fabric.open(spec, deadline_after(kPatience));
  if (group) return *std::move(group);
  ADD_FAILURE() << group.error().message;
  return nullptr;
}

class CallsTest : public RanksTest {};

TEST_P(CallsTest, EveryReduceEqualsTheModel) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_or_fail(fabric, everyone(fabric.world_size()));
    ASSERT_NE(group, nullptr);
    reduce_everything<std::int32_t>(*group);
    reduce_everything<std::int64_t>(*group);
    EXPECT_FALSE(group->failure().has_value());
  });
}

TEST_P(CallsTest, ExtremesSurviveAndSumsWrap) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_or_fail(fabric, everyone(fabric.world_size()));
    ASSERT_NE(group, nullptr);
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
    const bool is_last = fabric.rank() + 1 == fabric.world_size();
    std::array<std::int64_t, 2> values{is_last ? kLeast : kMost, is_last ? kMost : kLeast};
    ASSERT_TRUE(group->all_reduce(std::span{values}, ReduceOp::kMax, call_within(kPatience)));
    const bool is_lone = fabric.world_size() == 1;
    EXPECT_THAT(values, testing::ElementsAre(is_lone ? kLeast : kMost, kMost));
    std::array<std::int32_t, 1> sum{std::numeric_limits<std::int32_t>::max()};
    ASSERT_TRUE(group->all_reduce(std::span{sum}, ReduceOp::kSum, call_within(kPatience)));
    const std::uint32_t wrapped = 0x7FFFFFFFU * fabric.world_size();
    EXPECT_EQ(static_cast<std::uint32_t>(sum[0]), wrapped);
  });
}

TEST_P(CallsTest, BroadcastLeavesTheRootsValuesEverywhere) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_or_fail(fabric, everyone(fabric.world_size()));
    ASSERT_NE(group, nullptr);
    for (Rank root = 0; root < fabric.world_size(); ++root) {
      for (const std::size_t count : kCounts) {
        auto values = values_of<std::int64_t>(fabric.rank(), count, count);
        ASSERT_TRUE(group->broadcast(values, root, call_within(kPatience)));
        ASSERT_THAT(values, ElementsAreArray(values_of<std::int64_t>(root, count, count)));
      }
    }
  });
}

TEST_P(CallsTest, GatherKeepsGroupOrderWhateverTheRankOrder) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    GroupSpec backwards = everyone(fabric.world_size());
    std::ranges::reverse(backwards.members);
    const auto group = open_or_fail(fabric, backwards);
    ASSERT_NE(group, nullptr);
    EXPECT_EQ(group->index(), fabric.world_size() - 1 - fabric.rank());
    for (const std::size_t count : kCounts) {
      const auto mine = values_of<std::int64_t>(fabric.rank(), count, count);
      std::vector<std::int64_t> all(count * group->size());
      ASSERT_TRUE(group->all_gather(mine, all, call_within(kPatience)));
      std::vector<std::int64_t> expected;
      for (const Rank rank : backwards.members) {
        std::ranges::copy(values_of<std::int64_t>(rank, count, count),
                          std::back_inserter(expected));
      }
      ASSERT_THAT(all, ElementsAreArray(expected));
    }
  });
}

TEST_P(CallsTest, NobodyLeavesABarrierBeforeAllHaveEnteredIt) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard& board) {
    const auto group = open_or_fail(fabric, everyone(fabric.world_size()));
    ASSERT_NE(group, nullptr);
    for (std::int64_t round = 1; round <= 50; ++round) {
      ++board.notes[0];
      ASSERT_TRUE(group->barrier(call_within(kPatience)));
      ASSERT_GE(board.notes[0].load(), round * fabric.world_size());
    }
  });
}

TEST_P(CallsTest, CallsOfAllKindsStayPairedInALongRow) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_or_fail(fabric, everyone(fabric.world_size()));
    ASSERT_NE(group, nullptr);
    const Rank size = fabric.world_size();
    for (std::size_t call = 0; call < maker().long_row; ++call) {
      const std::size_t count = 1 + call % kElementsMax;
      auto values = values_of<std::int64_t>(fabric.rank(), call, count);
      ASSERT_TRUE(group->all_reduce(std::span{values}, ReduceOp::kMin, call_within(kPatience)));
      ASSERT_EQ(values, (reduce_model<std::int64_t>(size, call, count, ReduceOp::kMin)));
      if (call % 3 == 0) {
        ASSERT_TRUE(group->barrier(call_within(kPatience)));
      }
      auto sent = values_of<std::int64_t>(fabric.rank(), call, 2);
      ASSERT_TRUE(group->broadcast(sent, call % size, call_within(kPatience)));
      ASSERT_EQ(sent, values_of<std::int64_t>(static_cast<Rank>(call % size), call, 2));
    }
  });
}

// A group of each half of the world, beside one of everyone, each owned by a thread of its own.
TEST_P(CallsTest, GroupsOfSeveralThreadsDoNotDisturbOneAnother) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const Rank half = (fabric.world_size() + 1) / 2;
    const bool is_low = fabric.rank() < half;
    GroupSpec mine{.name = "half", .members = {}, .ordinal = is_low ? 1U : 2U};
    for (Rank rank = 0; rank < fabric.world_size(); ++rank) {
      if ((rank < half) == is_low) mine.members.push_back(rank);
    }
    const auto all_group = open_or_fail(fabric, everyone(fabric.world_size(), 0));
    const auto half_group = open_or_fail(fabric, mine);
    ASSERT_TRUE(all_group != nullptr && half_group != nullptr);
    const auto sum_ones = [](Communicator& group) {
      for (std::size_t call = 0; call < maker().long_row; ++call) {
        std::array<std::int64_t, 9> ones{};
        ones.fill(1);
        const auto done = group.all_reduce(std::span{ones}, ReduceOp::kSum, call_within(kPatience));
        ASSERT_TRUE(done) << done.error().message;
        ASSERT_EQ(ones.back(), static_cast<std::int64_t>(group.size()));
      }
    };
    const std::jthread background{[&] { sum_ones(*half_group); }};
    sum_ones(*all_group);
  });
}

INSTANTIATE_TEST_SUITE_P(, CallsTest, ValuesIn(cases(makers(), {1, 2, 3, 4, 8, 16})), name_param);

}  // namespace
}  // namespace radixbench

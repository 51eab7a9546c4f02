// What every transport does while a group is made.

#include "comm/makers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Values;
using testing::ValuesIn;

constexpr auto kPatience = 20s;
constexpr auto kShort = 80ms;

class OpenTest : public RanksTest {};

TEST_P(OpenTest, GroupsThatDifferInNameAreRefusedNamingBoth) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    GroupSpec spec = everyone(fabric.world_size(), 7);
    if (fabric.rank() == 0) spec.name = "somebody";
    const auto group = fabric.open(spec, deadline_after(kPatience));
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code, ErrorCode::kMismatch);
    EXPECT_THAT(group.error().message, HasSubstr("group 7 is " + describe(spec)));
    EXPECT_THAT(group.error().message, HasSubstr(fabric.rank() == 0 ? "everyone{" : "somebody{"));
  });
}

TEST_P(OpenTest, GroupsThatDifferInMemberOrderAreRefused) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    GroupSpec spec = everyone(fabric.world_size());
    if (fabric.rank() == 0) std::swap(spec.members.front(), spec.members.back());
    const auto group = fabric.open(spec, deadline_after(kPatience));
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code, ErrorCode::kMismatch);
  });
}

// Rank 0 waits for rank 1, the last rank for rank 0: neither pair is whole, but both see the
// other's.
class LeftOutTest : public RanksTest {};

TEST_P(LeftOutTest, IsToldSoAtOnce) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const Rank last = fabric.world_size() - 1;
    if (fabric.rank() != 0 && fabric.rank() != last) return;
    const GroupSpec spec{
        .name = "pair", .members = {0, fabric.rank() == 0 ? 1 : last}, .ordinal = 3};
    const auto group = fabric.open(spec, deadline_after(kPatience));
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code, ErrorCode::kMismatch);
  });
}

TEST_P(OpenTest, MissingMemberIsNamedByTheDeadline) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard& board) {
    const Rank missing = fabric.world_size() - 1;
    if (fabric.rank() == missing) return board.await_note(0, missing);
    const GroupSpec spec = everyone(fabric.world_size());
    const auto group = fabric.open(spec, deadline_after(kShort));
    ++board.notes[0];
    ASSERT_FALSE(group);
    EXPECT_THAT(group.error().message, testing::StartsWith("opening " + describe(spec) + ": "));
    EXPECT_THAT(group.error().message, HasSubstr(fmt::format("{}", missing)));
    if (group.error().code != ErrorCode::kTimeout) {
      EXPECT_EQ(group.error().code, ErrorCode::kPeerLost);
      EXPECT_THAT(group.error().message, HasSubstr("gave up"));
    }
  });
}

TEST_P(OpenTest, DeathOfAMemberEndsTheWaitForIt) {
  const auto harness = make_harness(rank_count());
  const Rank victim = rank_count() - 1;
  const auto body = [&](Fabric& fabric, SharedBoard&) {
    if (fabric.rank() == victim) return;
    const std::int64_t start_ns = monotonic_ns();
    const auto group = fabric.open(everyone(fabric.world_size()), deadline_after(kPatience));
    ASSERT_FALSE(group);
    EXPECT_LT(monotonic_ns() - start_ns, std::int64_t{5'000'000'000});
    EXPECT_EQ(group.error().code, ErrorCode::kPeerLost);
    EXPECT_THAT(group.error().message, HasSubstr(fmt::format("rank {} died", victim)));
  };
  harness->run(body, [&] { harness->world().mark_dead(victim); });
}

TEST_P(OpenTest, GroupOfOneNeedsNobody) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    if (fabric.rank() != 0) return;
    const auto group = fabric.open({.name = "lone", .members = {0}, .ordinal = 1 << 20}, {});
    ASSERT_TRUE(group);
    EXPECT_TRUE((*group)->barrier({}));
  });
}

// Pairs, and whoever is left over alone; in each the members are turned round.
TEST_P(OpenTest, PartsOfTheWorldAreOpenedTogether) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    std::vector<std::unique_ptr<Communicator>> opened;
    std::uint32_t ordinal = 0;
    for (const Rank width : {Rank{2}, fabric.world_size() - 1}) {
      std::vector<GroupSpec> parts;
      for (Rank first = 0; first < fabric.world_size(); first += width) {
        GroupSpec part{.name = "part", .members = {}, .ordinal = ordinal++};
        for (Rank rank = first; rank < std::min(first + width, fabric.world_size()); ++rank) {
          part.members.insert(part.members.begin(), rank);
        }
        parts.push_back(part);
      }
      auto part = fabric.open_part(parts, deadline_after(kPatience));
      ASSERT_TRUE(part) << part.error().message;
      opened.push_back(*std::move(part));
    }
    for (const auto& part : opened) {
      const std::vector<Rank>& members = part->group().members;
      ASSERT_EQ(members[part->index()], fabric.rank());
      const std::array<std::int64_t, 1> mine{fabric.rank()};
      std::vector<std::int64_t> all(members.size(), -1);
      ASSERT_TRUE(part->all_gather(mine, all, call_within(kPatience)));
      EXPECT_TRUE(std::ranges::equal(all, members));
    }
  });
}

TEST_P(OpenTest, SecondOpeningOfAnOrdinalIsRefused) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    const GroupSpec spec = everyone(fabric.world_size());
    ASSERT_TRUE(fabric.open(spec, deadline_after(kPatience)));
    const auto again = fabric.open(spec, deadline_after(kPatience));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kMismatch);
  });
}

TEST_P(OpenTest, SpecWithoutThisRankIsRefused) {
  make_harness(rank_count())->run([](Fabric& fabric, SharedBoard&) {
    GroupSpec spec = everyone(fabric.world_size());
    std::erase(spec.members, fabric.rank());
    const auto group = fabric.open(spec, deadline_after(kPatience));
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code, ErrorCode::kInvalidArgument);
  });
}

INSTANTIATE_TEST_SUITE_P(, OpenTest, ValuesIn(cases(makers(), {2, 4, 16})), name_param);

INSTANTIATE_TEST_SUITE_P(, LeftOutTest, ValuesIn(cases(makers(), {3, 4, 16})), name_param);

}  // namespace
}  // namespace radixbench

// What Open MPI makes of calls that differ, as docs/transports.md tells it.

#include "comm/makers.h"

#include "base/clock.h"

#include <gmock/gmock.h>

#include <array>
#include <optional>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

constexpr auto kPatience = 20s;
constexpr auto kShort = 300ms;

class MpiMismatchTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const Maker& maker : makers()) {
      if (maker.may_pair_kinds) maker_ = maker;
    }
    if (!maker_) GTEST_SKIP() << "no MPI here";
  }
  [[nodiscard]] std::unique_ptr<RankHarness> two_ranks() const {
    return std::make_unique<RankHarness>(maker_->kind, maker_->make_world(2), 2);
  }
  static std::unique_ptr<Communicator> open_both(Fabric& fabric) {
    auto group = fabric.open(everyone(2), deadline_after(kPatience));
    return group ? *std::move(group) : nullptr;
  }

 private:
  std::optional<Maker> maker_;
};

// The member with the shorter vector is told by MPI, and its process lives; nobody waits for ever.
TEST_F(MpiMismatchTest, OfDifferentLengthsTheShortSideIsToldByMpi) {
  two_ranks()->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_both(fabric);
    ASSERT_NE(group, nullptr);
    std::vector<std::int64_t> values(fabric.rank() == 0 ? 2U : 3U, 1);
    const Result<void> reduced =
        group->all_reduce(std::span{values}, ReduceOp::kMin, call_within(kShort));
    if (fabric.rank() == 1) return;
    ASSERT_FALSE(reduced);
    EXPECT_EQ(reduced.error().code, ErrorCode::kPeerLost);
    EXPECT_THAT(reduced.error().message,
                StartsWith("can_terminate_prefetch #0 on everyone{0,1}: MPI"));
  });
}

// As in gloo, each member's own operator is at work on its side.
TEST_F(MpiMismatchTest, OfDifferentOperatorsEachSideComputesWithItsOwn) {
  two_ranks()->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_both(fabric);
    ASSERT_NE(group, nullptr);
    std::array<std::int64_t, 1> value{fabric.rank() == 0 ? 10 : 20};
    const ReduceOp op = fabric.rank() == 0 ? ReduceOp::kMin : ReduceOp::kMax;
    ASSERT_TRUE(group->all_reduce(std::span{value}, op, call_within(kPatience)));
    EXPECT_TRUE(value[0] == 10 || value[0] == 20);
    ASSERT_TRUE(group->barrier(call_within(kPatience))) << "nobody noticed";
  });
}

TEST_F(MpiMismatchTest, OfDifferentTypesWithEqualBytesNobodyNotices) {
  two_ranks()->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_both(fabric);
    ASSERT_NE(group, nullptr);
    std::array<std::int64_t, 1> wide{(std::int64_t{2} << 32) + 1};
    std::array<std::int32_t, 2> narrow{3, 4};
    const Result<void> reduced =
        fabric.rank() == 0
            ? group->all_reduce(std::span{wide}, ReduceOp::kMax, call_within(kPatience))
            : group->all_reduce(std::span{narrow}, ReduceOp::kMax, call_within(kPatience));
    ASSERT_TRUE(reduced) << reduced.error().message;
    ASSERT_TRUE(group->barrier(call_within(kPatience)));
  });
}

// Both are messages of one tag to MPI: the pair may end, well or with an error, on either side.
// What holds is that both calls end and both processes live.
TEST_F(MpiMismatchTest, CallsOfDifferentKindsEndOnBothSides) {
  two_ranks()->run([](Fabric& fabric, SharedBoard&) {
    const auto group = open_both(fabric);
    ASSERT_NE(group, nullptr);
    std::array<std::int64_t, 1> value{5};
    const std::int64_t start_ns = monotonic_ns();
    const Result<void> ended =
        fabric.rank() == 0
            ? group->barrier(call_within(kShort))
            : group->all_reduce(std::span{value}, ReduceOp::kMax, call_within(kShort));
    EXPECT_LT(monotonic_ns() - start_ns, std::int64_t{5'000'000'000});
    EXPECT_EQ(group->failure().has_value(), !ended);
  });
}

}  // namespace
}  // namespace radixbench

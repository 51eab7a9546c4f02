#include "comm/checked_communicator.h"

#include "comm/makers.h"

#include <gmock/gmock.h>

#include <array>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Values;
using testing::ValuesIn;

constexpr auto kPatience = 20s;

class CheckedCommunicatorTest : public RanksTest {
 protected:
  using Part = std::function<void(Communicator& group, bool is_last)>;

  // The same body on every rank, the last of which knows that it is.
  static void run(const Part& part) {
    const auto harness = make_harness(rank_count());
    harness->run([&](Fabric& fabric, SharedBoard&) {
      const auto checked = check_calls(fabric, name_test_site);
      auto group = checked->open(everyone(fabric.world_size()), deadline_after(kPatience));
      ASSERT_TRUE(group) << group.error().message;
      part(**group, fabric.rank() + 1 == fabric.world_size());
    });
  }

  static void expect_mismatch(const Result<void>& result,
                              const Communicator& group,
                              const std::string& one,
                              const std::string& other) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kMismatch);
    EXPECT_THAT(result.error().message, AllOf(HasSubstr(one), HasSubstr(other)));
    ASSERT_TRUE(group.failure());
    EXPECT_EQ(group.failure()->present.size(), group.size());
  }
};

TEST_P(CheckedCommunicatorTest, EqualCallsPassAndLeaveWhatTheyWould) {
  run([](Communicator& group, bool) {
    const auto size = static_cast<std::int64_t>(group.size());
    for (int round = 0; round < 5; ++round) {
      std::array<std::int32_t, 2> counts{static_cast<std::int32_t>(group.index()), 9};
      ASSERT_TRUE(group.all_reduce(std::span{counts}, ReduceOp::kMax, call_within(kPatience)));
      ASSERT_THAT(counts, ElementsAre(size - 1, 9));
      ASSERT_TRUE(group.barrier(call_within(kPatience)));
      std::array<std::int64_t, 1> sum{1};
      ASSERT_TRUE(group.post(Operation::all_reduce(std::span{sum}, ReduceOp::kSum),
                             call_within(kPatience)));
      ASSERT_TRUE(group.wait());
      ASSERT_EQ(sum[0], size);
    }
  });
}

TEST_P(CheckedCommunicatorTest, AnotherOperatorFailsOnEveryRankWithBothCalls) {
  run([](Communicator& group, bool is_last) {
    std::array<std::int32_t, 2> values{};
    const ReduceOp op = is_last ? ReduceOp::kMax : ReduceOp::kMin;
    expect_mismatch(group.all_reduce(std::span{values}, op, call_within(kPatience)),
                    group,
                    "all_reduce min int32[2]",
                    "all_reduce max int32[2]");
  });
}

// Without the check both sides would wait for their deadline.
TEST_P(CheckedCommunicatorTest, AnotherKindFailsAtOnce) {
  run([](Communicator& group, bool is_last) {
    std::array<std::int64_t, 3> values{};
    const Operation operation = is_last ? Operation::barrier() : Operation::broadcast(values, 0);
    expect_mismatch(
        group.make(operation, call_within(kPatience)), group, "broadcast int64[3]", "barrier");
  });
}

TEST_P(CheckedCommunicatorTest, AnotherLengthTypeSiteOrRootFails) {
  run([](Communicator& group, bool is_last) {
    std::array<std::int64_t, 3> values{};
    const std::size_t count = is_last ? 2 : 3;
    expect_mismatch(group.broadcast(std::span{values}.first(count), 0, call_within(kPatience)),
                    group,
                    "int64[3]",
                    "int64[2]");
  });
  run([](Communicator& group, bool is_last) {
    std::array<std::int64_t, 1> wide{};
    std::array<std::int32_t, 1> narrow{};
    const Operation operation = is_last ? Operation::all_reduce(std::span{narrow}, ReduceOp::kMin)
                                        : Operation::all_reduce(std::span{wide}, ReduceOp::kMin);
    expect_mismatch(group.make(operation, call_within(kPatience)), group, "int64[1]", "int32[1]");
  });
  run([](Communicator& group, bool is_last) {
    Call call = call_within(kPatience);
    if (is_last) call.site = 9;
    expect_mismatch(
        group.barrier(call), group, "can_terminate_prefetch barrier", "elsewhere barrier");
  });
  run([](Communicator& group, bool is_last) {
    std::array<std::int64_t, 1> value{};
    expect_mismatch(
        group.broadcast(value, is_last ? 1 : 0, call_within(kPatience)), group, "from 0", "from 1");
  });
}

TEST_P(CheckedCommunicatorTest, PostedCallsAreCheckedToo) {
  run([](Communicator& group, bool is_last) {
    std::array<std::int64_t, 1> value{};
    const auto op = is_last ? ReduceOp::kSum : ReduceOp::kMin;
    Result<void> ended =
        group.post(Operation::all_reduce(std::span{value}, op), call_within(kPatience));
    if (ended) ended = group.wait();
    expect_mismatch(ended, group, "min", "sum");
  });
}

TEST_P(CheckedCommunicatorTest, AMemberThatDoesNotComeIsMissedInTheCallItself) {
  run([](Communicator& group, bool is_last) {
    ASSERT_TRUE(group.barrier(call_within(kPatience)));
    ASSERT_TRUE(group.barrier(call_within(kPatience)));
    if (is_last) return;
    const auto result = group.barrier(call_within(80ms));
    ASSERT_FALSE(result);
    ASSERT_TRUE(group.failure());
    EXPECT_EQ(group.failure()->sequence, 2U);
    EXPECT_EQ(group.failure()->kind, CallKind::kBarrier);
    EXPECT_THAT(group.failure()->absent, Contains(group.group().members.back()));
    EXPECT_THAT(result.error().message, HasSubstr("#2"));
  });
}

INSTANTIATE_TEST_SUITE_P(Transports,
                         CheckedCommunicatorTest,
                         testing::Combine(ValuesIn(makers()), Values(2, 3)),
                         name_param);

}  // namespace
}  // namespace radixbench

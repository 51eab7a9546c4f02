#include "comm/observed_communicator.h"

#include "comm/lone_communicator.h"
#include "comm/makers.h"
#include "comm/thread_fabric.h"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// Keeps what it hears, and in which order.
class ListeningObserver final : public CallObserver {
 public:
  void entered(const CallRecord& record) override {
    EXPECT_TRUE(records.empty() || !is_open) << "calls of one group can't nest";
    EXPECT_EQ(record.exit_ns, 0);
    is_open = true;
    entries.push_back(record);
  }
  void left(const CallRecord& record) override {
    is_open = false;
    records.push_back(record);
  }

  bool is_open = false;
  std::vector<CallRecord> entries;
  std::vector<CallRecord> records;
};

class ObservedCommunicatorTest : public testing::Test {
 protected:
  ListeningObserver observer_;
  std::unique_ptr<Communicator> group_ =
      observe(make_lone_communicator({.name = "lone", .members = {4}, .ordinal = 9}), observer_);
};

TEST_F(ObservedCommunicatorTest, EveryKindIsHeardWithItsArguments) {
  std::array<std::int32_t, 2> narrow{8, 9};
  std::array<std::int64_t, 10> wide{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::array<std::int64_t, 10> all{};
  ASSERT_TRUE(group_->all_reduce(std::span{narrow}, ReduceOp::kMax, call_within(1s)));
  ASSERT_TRUE(group_->barrier(call_within(1s)));
  ASSERT_TRUE(group_->broadcast(wide, 0, call_within(1s)));
  ASSERT_TRUE(group_->all_gather(wide, all, call_within(1s)));

  ASSERT_EQ(observer_.records.size(), 4U);
  const CallRecord& reduce = observer_.records[0];
  EXPECT_EQ(reduce.kind, CallKind::kAllReduce);
  EXPECT_EQ(reduce.op, ReduceOp::kMax);
  EXPECT_EQ(reduce.type, ElementType::kInt32);
  EXPECT_EQ(reduce.element_count, 2U);
  EXPECT_EQ(reduce.result_count, 2U);
  EXPECT_EQ(reduce.results[1], 9);
  EXPECT_EQ(reduce.group->name, "lone");
  EXPECT_EQ(reduce.call.site, 4);
  EXPECT_EQ(reduce.call.key, 77U);
  EXPECT_EQ(observer_.records[1].kind, CallKind::kBarrier);
  EXPECT_EQ(observer_.records[1].result_count, 0U);
  EXPECT_EQ(observer_.records[2].kind, CallKind::kBroadcast);
  EXPECT_EQ(observer_.records[2].type, ElementType::kInt64);
  EXPECT_THAT(observer_.records[3].results, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(observer_.records[3].element_count, 10U);
}

TEST_F(ObservedCommunicatorTest, SequenceCountsTheGroupsCallsAndTimesAreInOrder) {
  for (int call = 0; call < 3; ++call) ASSERT_TRUE(group_->barrier(call_within(1s)));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(observer_.records[i].sequence, i);
    EXPECT_EQ(observer_.records[i].enter_ns, observer_.entries[i].enter_ns);
    EXPECT_LE(observer_.records[i].enter_ns, observer_.records[i].exit_ns);
    EXPECT_TRUE(observer_.records[i].is_ok);
  }
}

TEST_F(ObservedCommunicatorTest, FailedCallIsHeardAsFailed) {
  const auto fabrics = make_thread_fabrics(2, nullptr);
  std::unique_ptr<Communicator> pair;
  std::jthread peer{[&] {
    const auto opened = fabrics[1]->open(everyone(2), deadline_after(20s));
    EXPECT_TRUE(opened);
  }};
  pair = observe(*fabrics[0]->open(everyone(2), deadline_after(20s)), observer_);
  peer.join();
  const auto result = pair->barrier(call_within(50ms));
  ASSERT_FALSE(result);
  EXPECT_FALSE(observer_.records.at(0).is_ok);
  ASSERT_TRUE(pair->failure().has_value());
  EXPECT_THAT(pair->failure()->absent, ElementsAre(1));
  EXPECT_GE(observer_.records[0].exit_ns - observer_.records[0].enter_ns, 50'000'000);
}

}  // namespace
}  // namespace radixbench

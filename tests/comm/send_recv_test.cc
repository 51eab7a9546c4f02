// Calls between two members, where a transport has them.

#include "comm/makers.h"
#include "comm/observed_communicator.h"
#include "comm/posting_communicator.h"
#include "comm/shm_fabric.h"
#include "comm/thread_fabric.h"

#include <gmock/gmock.h>

#include <array>
#include <mutex>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct Kind {
  std::string_view name;
  std::unique_ptr<World> (*make_world)(Rank world_size);
  bool is_posting;  // through the wrapper that gives libraries a non-blocking form
};

std::unique_ptr<World> make_shm_world(Rank world_size) { return *ShmWorld::create(world_size); }

constexpr std::array kKinds{Kind{"Threads", make_thread_world, false},
                            Kind{"Posting", make_thread_world, true},
                            Kind{"Shm", make_shm_world, false}};

// What one member does with the others.
using Part = std::function<void(Communicator& group)>;

class SendRecvTest : public testing::TestWithParam<Kind> {
 protected:
  // A member, on the thread that comes back.
  static std::jthread start(
      World& world, Rank rank, Rank count, Part part, CallObserver* observer = nullptr) {
    return std::jthread{[&world, rank, count, part = std::move(part), observer] {
      const auto fabric = world.attach(rank, name_test_site);
      auto group = fabric->open(everyone(count), deadline_after(20s));
      ASSERT_TRUE(group) << group.error().message;
      if (GetParam().is_posting) group = make_posting_communicator(*std::move(group));
      if (observer != nullptr) group = observe(*std::move(group), *observer);
      part(**group);
    }};
  }

  static void run_parts(const std::vector<Part>& parts, CallObserver* observer = nullptr) {
    const auto count = static_cast<Rank>(parts.size());
    const std::unique_ptr<World> world = GetParam().make_world(count);
    std::vector<std::jthread> threads;
    for (Rank rank = 0; rank < count; ++rank) {
      threads.push_back(start(*world, rank, count, parts[rank], observer));
    }
  }
};

Result<void> send_one(Communicator& group, std::size_t to, std::int64_t value) {
  return group.send(std::array{value}, to, call_within(20s));
}

std::int64_t receive_one(Communicator& group, std::size_t from) {
  std::array<std::int64_t, 1> value{};
  EXPECT_TRUE(group.recv(value, from, call_within(20s)));
  return value[0];
}

TEST_P(SendRecvTest, SendsOfAPairArriveInOrderWhateverOthersSend) {
  run_parts({[](Communicator& group) {
               EXPECT_EQ(receive_one(group, 2), 20);
               EXPECT_EQ(receive_one(group, 1), 10);
               EXPECT_EQ(receive_one(group, 1), 11);
               EXPECT_EQ(receive_one(group, 2), 21);
             },
             [](Communicator& group) {
               for (const std::int64_t value : {10, 11}) EXPECT_TRUE(send_one(group, 0, value));
             },
             [](Communicator& group) {
               for (const std::int64_t value : {20, 21}) EXPECT_TRUE(send_one(group, 0, value));
             }});
}

TEST_P(SendRecvTest, OfUnequalLengthsTheShorterIsMoved) {
  run_parts({[](Communicator& group) {
               const std::array<std::int64_t, 3> sent{1, 2, 3};
               EXPECT_TRUE(group.send(sent, 1, call_within(20s)));
               EXPECT_TRUE(group.send(std::span{sent}.first(1), 1, call_within(20s)));
             },
             [](Communicator& group) {
               std::array<std::int64_t, 2> taken{};
               EXPECT_TRUE(group.recv(taken, 0, call_within(20s)));
               EXPECT_THAT(taken, ElementsAre(1, 2));
               taken = {7, 8};
               EXPECT_TRUE(group.recv(taken, 0, call_within(20s)));
               EXPECT_THAT(taken, ElementsAre(1, 8));
             }});
}

TEST_P(SendRecvTest, CollectivesInBetweenDontDisturbThePairing) {
  run_parts({[](Communicator& group) {
               EXPECT_TRUE(group.barrier(call_within(20s)));
               EXPECT_TRUE(send_one(group, 1, 5));
               EXPECT_TRUE(group.barrier(call_within(20s)));
             },
             [](Communicator& group) {
               EXPECT_TRUE(group.barrier(call_within(20s)));
               EXPECT_EQ(receive_one(group, 0), 5);
               EXPECT_TRUE(group.barrier(call_within(20s)));
             }});
}

// A send that completed into a buffer would hide what a stage without one does.
TEST_P(SendRecvTest, TwoMembersThatBothSendFirstWaitForEachOther) {
  const auto send_first = [](Communicator& group) {
    const std::size_t peer = 1 - group.index();
    const auto sent = group.send(std::array<std::int64_t, 1>{}, peer, call_within(50ms));
    ASSERT_FALSE(sent);
    ASSERT_TRUE(group.failure());
    EXPECT_EQ(group.failure()->kind, CallKind::kSend);
    EXPECT_THAT(group.failure()->absent, ElementsAre(peer));
  };
  run_parts({send_first, send_first});
}

TEST_P(SendRecvTest, ReceiveThatNobodySendsToFailsAndNamesThePeerAlone) {
  run_parts({[](Communicator& group) {
               std::array<std::int64_t, 1> value{};
               const auto taken = group.recv(value, 1, call_within(50ms));
               ASSERT_FALSE(taken);
               EXPECT_EQ(taken.error().code, ErrorCode::kTimeout);
               EXPECT_THAT(group.failure()->present, ElementsAre(0));
               EXPECT_THAT(group.failure()->absent, ElementsAre(1));
               EXPECT_FALSE(group.barrier(call_within(20s))) << "the group is broken";
             },
             [](Communicator&) {},
             [](Communicator&) {}});
}

TEST_P(SendRecvTest, DeadPeerEndsASendAtOnce) {
  const std::unique_ptr<World> world = GetParam().make_world(2);
  auto sender = start(*world, 0, 2, [](Communicator& group) {
    const auto sent = group.send(std::array<std::int64_t, 1>{}, 1, call_within(20s));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::kPeerLost);
    EXPECT_THAT(group.failure()->dead, ElementsAre(1));
  });
  auto dying = start(*world, 1, 2, [&](Communicator&) { world->mark_dead(1); });
}

TEST_P(SendRecvTest, LongestVectorsGoThereAndBackUnderCollectives) {
  constexpr int kRounds = 200;
  const auto bounce = [](Communicator& group) {
    const bool is_first = group.index() == 0;
    std::array<std::int64_t, kElementsMax> values{};
    for (int round = 0; round < kRounds; ++round) {
      if (is_first) {
        for (auto& value : values) ++value;
        ASSERT_TRUE(group.send(values, 1, call_within(20s)));
        ASSERT_TRUE(group.recv(values, 1, call_within(20s)));
      } else {
        ASSERT_TRUE(group.recv(values, 0, call_within(20s)));
        for (auto& value : values) value *= -1;
        ASSERT_TRUE(group.send(values, 0, call_within(20s)));
      }
      if (round % 50 == 0) {
        ASSERT_TRUE(group.barrier(call_within(20s)));
      }
    }
    // 1 goes and -1 comes, 0 goes and comes.
    EXPECT_THAT(values, testing::Each(0));
  };
  run_parts({bounce, bounce});
}

// Keeps what it hears from any thread.
class LockedObserver final : public CallObserver {
 public:
  void entered(const CallRecord&) override {}
  void left(const CallRecord& record) override {
    const std::lock_guard lock{mutex_};
    records.push_back(record);
  }
  std::vector<CallRecord> records;

 private:
  std::mutex mutex_;
};

TEST_P(SendRecvTest, ObserverCountsEachPairAndDirectionApart) {
  LockedObserver observer;
  run_parts({[](Communicator& group) {
               EXPECT_TRUE(group.barrier(call_within(20s)));
               EXPECT_TRUE(send_one(group, 1, 4));
               EXPECT_TRUE(send_one(group, 1, 5));
               EXPECT_EQ(receive_one(group, 1), 6);
             },
             [](Communicator& group) {
               EXPECT_TRUE(group.barrier(call_within(20s)));
               EXPECT_EQ(receive_one(group, 0), 4);
               EXPECT_EQ(receive_one(group, 0), 5);
               EXPECT_TRUE(send_one(group, 0, 6));
             }},
            &observer);
  std::vector<std::uint64_t> sent;
  std::vector<std::int64_t> taken;
  for (const CallRecord& record : observer.records) {
    if (record.kind == CallKind::kSend) sent.push_back(record.root * 10 + record.sequence);
    if (record.kind == CallKind::kRecv) taken.push_back(record.results[0]);
  }
  EXPECT_THAT(sent, ElementsAre(10, 11, 0));
  EXPECT_THAT(taken, ElementsAre(4, 5, 6));
}

INSTANTIATE_TEST_SUITE_P(All, SendRecvTest, testing::ValuesIn(kKinds), [](const auto& test) {
  return std::string{test.param.name};
});

// A transport that has nothing but collectives.
class PoorCommunicator final : public Communicator {
 public:
  [[nodiscard]] const GroupSpec& group() const override { return group_; }
  [[nodiscard]] std::size_t index() const override { return 0; }
  Result<void> all_reduce(std::span<std::int32_t>, ReduceOp, const Call&) override { return {}; }
  Result<void> all_reduce(std::span<std::int64_t>, ReduceOp, const Call&) override { return {}; }
  Result<void> barrier(const Call&) override { return {}; }
  Result<void> broadcast(std::span<std::int64_t>, std::size_t, const Call&) override { return {}; }
  Result<void> all_gather(std::span<const std::int64_t>,
                          std::span<std::int64_t>,
                          const Call&) override {
    return {};
  }
  [[nodiscard]] const std::optional<CallFailure>& failure() const override { return failure_; }

 private:
  GroupSpec group_ = everyone(2);
  std::optional<CallFailure> failure_;
};

TEST(PoorTransportTest, SaysThatItHasNoSuchCalls) {
  PoorCommunicator group;
  const auto sent = send_one(group, 1, 1);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kUnsupported);
  const auto posted = group.post(Operation::barrier(), call_within(20s));
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace radixbench

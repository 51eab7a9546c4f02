// Calls between two members, where a transport has them.

#include "comm/makers.h"
#include "comm/observed_communicator.h"
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

// What one member does with the others.
using Part = std::function<void(Communicator& group)>;

void run_parts(const std::vector<Part>& parts, CallObserver* observer = nullptr) {
  const auto count = static_cast<Rank>(parts.size());
  const auto fabrics = make_thread_fabrics(count, name_test_site);
  std::vector<std::jthread> threads;
  for (Rank rank = 0; rank < count; ++rank) {
    threads.emplace_back([&, rank] {
      auto group = fabrics[rank]->open(everyone(count), deadline_after(20s));
      ASSERT_TRUE(group) << group.error().message;
      if (observer != nullptr) group = observe(*std::move(group), *observer);
      parts[rank](**group);
    });
  }
}

Result<void> send_one(Communicator& group, std::size_t to, std::int64_t value) {
  return group.send(std::array{value}, to, call_within(20s));
}

std::int64_t receive_one(Communicator& group, std::size_t from) {
  std::array<std::int64_t, 1> value{};
  EXPECT_TRUE(group.recv(value, from, call_within(20s)));
  return value[0];
}

TEST(SendRecvTest, SendsOfAPairArriveInOrderWhateverOthersSend) {
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

TEST(SendRecvTest, OfUnequalLengthsTheShorterIsMoved) {
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

TEST(SendRecvTest, CollectivesInBetweenDontDisturbThePairing) {
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
TEST(SendRecvTest, TwoMembersThatBothSendFirstWaitForEachOther) {
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

TEST(SendRecvTest, ReceiveThatNobodySendsToFailsAndNamesThePeerAlone) {
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

TEST(SendRecvTest, DeadPeerEndsASendAtOnce) {
  const std::unique_ptr<World> world = make_thread_world(2);
  const auto open_and = [&](Rank rank, const Part& part) {
    return std::jthread{[&world, rank, part] {
      const auto fabric = world->attach(rank, nullptr);
      const auto group = fabric->open(everyone(2), deadline_after(20s));
      ASSERT_TRUE(group);
      part(**group);
    }};
  };
  auto sender = open_and(0, [](Communicator& group) {
    const auto sent = group.send(std::array<std::int64_t, 1>{}, 1, call_within(20s));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::kPeerLost);
  });
  auto dying = open_and(1, [&](Communicator&) { world->mark_dead(1); });
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

TEST(SendRecvTest, ObserverCountsEachPairAndDirectionApart) {
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

TEST(SendRecvTest, TransportWithoutThemSaysSo) {
  const auto world = ShmWorld::create(2);
  ASSERT_TRUE(world);
  const auto open = [&](Rank rank, const Part& part) {
    return std::jthread{[&world, rank, part] {
      const auto group = (*world)->attach(rank, nullptr)->open(everyone(2), deadline_after(20s));
      ASSERT_TRUE(group);
      part(**group);
    }};
  };
  auto other = open(1, [](Communicator&) {});
  auto sender = open(0, [](Communicator& group) {
    const auto sent = send_one(group, 1, 1);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::kUnsupported);
  });
}

}  // namespace
}  // namespace radixbench

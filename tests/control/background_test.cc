#include "control/background.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr BackgroundTiming kVirtual{ClockMode::kVirtual, 10s};
constexpr BackgroundTiming kWall{ClockMode::kWall, 10s};

Result<void> do_nothing() { return {}; }

// Work that goes on until it is let go.
class HeldWork {
 public:
  SerialWorker::Job work() {
    return [this]() -> Result<void> {
      let_go_.get_future().wait();
      return {};
    };
  }
  void let_go() { let_go_.set_value(); }

 private:
  std::promise<void> let_go_;
};

TEST(SerialWorkerTest, JobsFollowOneAnotherInTime) {
  SerialWorker worker{"worker", kVirtual};
  EXPECT_EQ(worker.submit(100, 10, 0, do_nothing), 110);
  EXPECT_EQ(worker.submit(100, 10, 0, do_nothing), 120);
  EXPECT_EQ(worker.submit(500, 10, 0, do_nothing), 510);
}

TEST(SerialWorkerTest, WhatIsSeenLateDoesNotHoldUpTheNextJob) {
  SerialWorker worker{"worker", kVirtual};
  EXPECT_EQ(worker.submit(0, 10, 5, do_nothing), 15);
  EXPECT_EQ(worker.submit(0, 10, 5, do_nothing), 25);
}

TEST(SerialWorkerTest, VirtuallyAJobIsSeenFromItsTimeOnAndNotBefore) {
  SerialWorker worker{"worker", kVirtual};
  for (int i = 0; i < 3; ++i) worker.submit(0, 10, 0, do_nothing);
  // All three are really done long before the model says so.
  ASSERT_TRUE(worker.wait_for_mark(3));
  EXPECT_EQ(worker.finished(9).value(), 0U);
  EXPECT_EQ(worker.finished(10).value(), 1U);
  EXPECT_EQ(worker.finished(29).value(), 2U);
  EXPECT_EQ(worker.finished(30).value(), 3U);
}

TEST(SerialWorkerTest, VirtuallyTheRealWorkOfWhatIsDueIsWaitedFor) {
  HeldWork held;
  std::atomic<bool> is_done = false;
  SerialWorker worker{"worker", kVirtual};
  worker.submit(0, 10, 0, [work = held.work(), &is_done] {
    const Result<void> done = work();
    is_done = true;
    return done;
  });
  EXPECT_EQ(worker.finished(9).value(), 0U);  // not waited for: it is not due
  const std::jthread other{[&] { held.let_go(); }};
  EXPECT_EQ(worker.finished(10).value(), 1U);
  EXPECT_TRUE(is_done);
}

TEST(SerialWorkerTest, OnTheWallClockOnlyWhatIsDoneIsSeenAndNotBeforeItsTime) {
  HeldWork held;
  SerialWorker worker{"worker", kWall};
  worker.submit(0, 10, 0, do_nothing);
  worker.submit(0, 10, 0, held.work());
  ASSERT_TRUE(worker.wait_for_mark(1));
  EXPECT_EQ(worker.finished(9).value(), 0U);
  EXPECT_EQ(worker.finished(1'000).value(), 1U);
  held.let_go();
  ASSERT_TRUE(worker.wait_for_mark(2));
  EXPECT_EQ(worker.finished(1'000).value(), 2U);
}

TEST(SerialWorkerTest, StuckWorkIsATimeoutThatNamesTheWorker) {
  HeldWork held;
  SerialWorker worker{"backup thread", {ClockMode::kVirtual, 50ms}};
  worker.submit(0, 10, 0, held.work());
  const auto start = std::chrono::steady_clock::now();
  const Result<std::size_t> finished = worker.finished(10);
  const auto waited = std::chrono::steady_clock::now() - start;
  held.let_go();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(finished.error().message, testing::HasSubstr("backup thread"));
  EXPECT_GE(waited, 50ms);
  EXPECT_LT(waited, 10s);
}

TEST(SerialWorkerTest, AJobThatFailsEndsTheWaitForItAndForThoseBehind) {
  SerialWorker worker{"worker", kVirtual};
  worker.submit(0, 10, 0, do_nothing);
  worker.submit(0, 10, 0, [] { return fail(ErrorCode::kIo, "no page came"); });
  worker.submit(0, 10, 0, do_nothing);
  for (const std::int64_t now_ns : {20, 30}) {
    const auto finished = worker.finished(now_ns);
    ASSERT_FALSE(finished) << now_ns;
    EXPECT_EQ(finished.error().message, "no page came");
  }
}

TEST(SerialWorkerTest, PoppedJobsAreNotCountedAgain) {
  SerialWorker worker{"worker", kVirtual};
  for (int i = 0; i < 3; ++i) worker.submit(0, 10, 0, do_nothing);
  worker.pop(worker.finished(20).value());
  EXPECT_EQ(worker.in_flight(), 1U);
  EXPECT_EQ(worker.finished(20).value(), 0U);
  EXPECT_EQ(worker.finished(30).value(), 1U);
  // A mark counts from the first job ever.
  EXPECT_EQ(worker.mark(20), 2U);
  EXPECT_EQ(worker.mark(30), 3U);
}

TEST(ProgressTest, AFailureEndsEveryWaitForWhatIsNotDone) {
  Progress progress;
  progress.add(2);
  std::jthread other{[&] { progress.set_failed({ErrorCode::kPeerLost, "rank 3 died"}); }};
  const Result<void> waited = progress.wait_for(3, deadline_after(10s), "jobs");
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::kPeerLost);
  EXPECT_TRUE(progress.wait_for(2, deadline_after(0s), "jobs"));
}

}  // namespace
}  // namespace radixbench

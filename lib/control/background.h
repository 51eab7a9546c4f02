#pragma once

#include "base/clock.h"
#include "base/result.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace radixbench {

// How the scheduler sees background work. Virtual: at time t exactly what the latency model says
// has ended by t, and the scheduler waits (in wall time) for the real work of it. Wall: what the
// model says has ended and really has.
enum class ClockMode : std::uint8_t { kVirtual, kWall };

struct BackgroundTiming {
  ClockMode mode = ClockMode::kVirtual;
  // Bound on waiting for real work; passing it means that a background thread is stuck.
  std::chrono::nanoseconds wait_max{std::chrono::seconds{30}};
};

// Counts finished work and lets one thread wait for it. The failure of a background thread ends
// every wait.
class Progress {
 public:
  void add(std::uint64_t count);
  void set_failed(Error error);
  [[nodiscard]] std::uint64_t done() const;
  // kTimeout naming `what` where `count` is not reached in time.
  Result<void> wait_for(std::uint64_t count, Deadline deadline, const char* what);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t done_ = 0;
  bool has_failed_ = false;
  Error error_{ErrorCode::kTimeout, ""};
};

// One thread that does jobs in the order in which they came, each with a finish time that is known
// when it is submitted. Finish times do not decrease. submit(), finished() and pop() are the
// scheduler thread's. Destruction drops what was not begun.
class SerialWorker {
 public:
  // What fails ends every wait for it and for those behind it.
  using Job = std::function<Result<void>()>;

  SerialWorker(const char* name, BackgroundTiming timing);
  ~SerialWorker();
  SerialWorker(const SerialWorker&) = delete;
  SerialWorker& operator=(const SerialWorker&) = delete;

  // Begins at now or when the job before ends, takes `duration_ns`, and is seen `seen_late_ns`
  // after its end. Answers when it is seen.
  std::int64_t submit(std::int64_t now_ns,
                      std::int64_t duration_ns,
                      std::int64_t seen_late_ns,
                      Job work);
  // Jobs at the front that are seen at `now_ns`, not counting those popped.
  Result<std::size_t> finished(std::int64_t now_ns);
  void pop(std::size_t count);
  [[nodiscard]] std::size_t in_flight() const { return seen_at_ns_.size(); }
  // Jobs submitted so far that are seen by `now_ns`: a mark that wait_for_mark() waits for.
  [[nodiscard]] std::uint64_t mark(std::int64_t now_ns) const;
  // Any thread: until the real work of the first `mark` jobs is done.
  Result<void> wait_for_mark(std::uint64_t mark);

 private:
  void run();

  const char* name_;
  BackgroundTiming timing_;
  std::deque<std::int64_t> seen_at_ns_;  // scheduler thread
  std::uint64_t popped_count_ = 0;
  std::int64_t end_of_last_ns_ = 0;
  Progress progress_;
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::deque<Job> jobs_;
  bool is_stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace radixbench

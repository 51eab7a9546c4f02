#pragma once

#include "base/clock.h"

#include <cstdint>

namespace radixbench {

// How a rank waits for a line that is not there yet. With a core for every rank it first spins: the
// line is a cache miss away. Without one it yields at once: the rank it waits for needs this core,
// and every pause before that is added to the call (200 of them double it, bench/comm_bench).
struct WaitPolicy {
  std::uint32_t spins = 0;

  // For `rank_count` ranks on this host, from the cores that this thread may use.
  static WaitPolicy for_ranks(std::uint32_t rank_count);
};

// The slow part of one call's waiting, begun when spinning was not enough: yields, and after
// kIdleNs sleeps in the kernel for as long as the line keeps what it has.
class Waiter {
 public:
  explicit Waiter(Deadline deadline) : deadline_{deadline} {}

  // Lets others run once. False when the deadline has passed, which is looked up every few yields.
  // `head` is the word whose low half changes when the awaited member comes, `seen` what it held,
  // `sleepers` the word that tells that member to wake us.
  [[nodiscard]] bool wait(std::uint64_t& head, std::uint64_t seen, std::uint32_t& sleepers);
  // The same where nobody wakes anybody, for waits that may be late by a sleep's length.
  [[nodiscard]] bool wait();

  // Since the first wait(); 0 before it.
  [[nodiscard]] std::int64_t waited_ns() const;

 private:
  // Nanoseconds to sleep, 0 for a yield, or negative beyond the deadline.
  std::int64_t next_sleep_ns();

  Deadline deadline_;
  std::int64_t start_ns_ = 0;
  std::int64_t now_ns_ = 0;
  std::uint32_t polls_ = 0;
};

void pause_core();
// Wakes every Waiter that sleeps on this head.
void wake_sleepers(std::uint64_t& head);

}  // namespace radixbench

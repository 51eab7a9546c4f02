#include "comm/shm_waiter.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <ctime>

namespace radixbench {
namespace {

// About 2 us: a foreign line written by a running peer is 64 to 130 ns away, so whoever has not
// come by then is not merely on its way.
constexpr std::uint32_t kSpins = 200;

// A yield costs 0.3 us where nobody else wants the core; waits of a call under way stay well below
// this, and a wake-up from the kernel (25 us in a guest) is small beside it.
constexpr std::int64_t kIdleNs = 1'000'000;

// Sleeps end early by a wake-up. The bound is for what wakes nobody: a rank marked dead, an
// interruption, a broken group, and the store that overtakes a sleeper's announcement (see post()).
// A hundred wake-ups a second cost well below 1 % of a core.
constexpr std::int64_t kSleepNsMax = 10'000'000;

// Yields between looks at the clock, which costs as much as a tenth of one.
constexpr std::uint32_t kPollsPerLook = 8;

timespec to_timespec(std::int64_t ns) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  return {.tv_sec = ns / kNsPerSecond, .tv_nsec = ns % kNsPerSecond};
}

}  // namespace

WaitPolicy WaitPolicy::for_ranks(std::uint32_t rank_count) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const bool is_known = sched_getaffinity(0, sizeof cores, &cores) == 0;
  const auto core_count = static_cast<std::uint32_t>(is_known ? CPU_COUNT(&cores) : 1);
  return {.spins = rank_count <= core_count ? kSpins : 0};
}

bool Waiter::wait(std::uint64_t& head, std::uint64_t seen, std::uint32_t& sleepers) {
  const std::int64_t sleep_ns = next_sleep_ns();
  if (sleep_ns < 0) return false;
  if (sleep_ns == 0) {
    sched_yield();
    return true;
  }
  const timespec timeout = to_timespec(sleep_ns);
  const std::atomic_ref announced{sleepers};
  announced.fetch_add(1);
  // Woken, timed out, interrupted by a signal or too late to sleep: the caller looks again anyway.
  static_cast<void>(syscall(
      SYS_futex, &head, FUTEX_WAIT, static_cast<std::uint32_t>(seen), &timeout, nullptr, 0));
  announced.fetch_sub(1);
  return true;
}

bool Waiter::wait() {
  const std::int64_t sleep_ns = next_sleep_ns();
  if (sleep_ns < 0) return false;
  if (sleep_ns == 0) {
    sched_yield();
  } else {
    const timespec time = to_timespec(sleep_ns);
    nanosleep(&time, nullptr);
  }
  return true;
}

std::int64_t Waiter::next_sleep_ns() {
  if (polls_ == 0) now_ns_ = start_ns_ = monotonic_ns();
  const bool is_idle = now_ns_ - start_ns_ >= kIdleNs;
  if (is_idle || polls_ % kPollsPerLook == 0) now_ns_ = monotonic_ns();
  ++polls_;
  const std::int64_t left_ns = deadline_.time_since_epoch().count() - now_ns_;
  if (left_ns <= 0) return -1;
  return is_idle ? std::min(left_ns, kSleepNsMax) : 0;
}

std::int64_t Waiter::waited_ns() const { return polls_ == 0 ? 0 : monotonic_ns() - start_ns_; }

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

void wake_sleepers(std::uint64_t& head) {
  static_cast<void>(syscall(SYS_futex, &head, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0));
}

}  // namespace radixbench

#include "base/clock.h"

#include <algorithm>
#include <limits>

namespace radixbench {

std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::int64_t wall_clock_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t clock_overhead_ns() {
  constexpr int kReads = 100;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int read = 0; read < kReads; ++read) {
    const std::int64_t before = monotonic_ns();
    least = std::min(least, monotonic_ns() - before);
  }
  return least;
}

Deadline deadline_after(std::chrono::nanoseconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

bool has_passed(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

}  // namespace radixbench

#include "base/clock.h"

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

Deadline deadline_after(std::chrono::nanoseconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

bool has_passed(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

}  // namespace radixbench

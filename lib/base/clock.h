#pragma once

#include <chrono>
#include <cstdint>

namespace radixbench {

// Every blocking call takes one. Deadlines are wall time, also where a run's own clock is virtual.
using Deadline = std::chrono::steady_clock::time_point;

// Nanoseconds of CLOCK_MONOTONIC: comparable between the processes of one host.
std::int64_t monotonic_ns();

// Nanoseconds since 1970 in UTC: for names and records, never for intervals.
std::int64_t wall_clock_ns();

// What reading monotonic_ns() costs, as the cheapest of many reads says.
std::int64_t clock_overhead_ns();

Deadline deadline_after(std::chrono::nanoseconds wait);
[[nodiscard]] bool has_passed(Deadline deadline);

}  // namespace radixbench

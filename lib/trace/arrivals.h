#pragma once

#include "trace/request.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// A clock that the trace was written with, coarser than its unit.
struct ClockTick {
  std::int64_t tick_ns = 0;  // the usual gap between two times
  std::uint64_t times_distinct = 0;
};

// The tick of requests in arrival order, where most gaps between different times are multiples of
// one, of a tenth of a second or more; latencies under such arrivals show the tick.
std::optional<ClockTick> clock_tick(std::span<const Request> requests);

std::uint64_t distinct_times(std::span<const Request> requests);

// In words, what about the arrivals should make a reader wary: a coarse clock, a rate that looks
// like another unit of time.
std::vector<std::string> arrival_warnings(std::span<const Request> requests);

}  // namespace radixbench

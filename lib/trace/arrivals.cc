#include "trace/arrivals.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace radixbench {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr double kNsPerSecond = 1e9;
// A clock that ticks ten times a second or faster is finer than what a step of an engine takes.
constexpr std::int64_t kTickNsMin = 100 * kNsPerMs;
// Fewer rows say nothing: six of a hand-made trace may well stand at whole seconds.
constexpr std::size_t kRowsMin = 100;
// Of the gaps; a writer's clock jitters, and now and then it misses.
constexpr double kOnTickShareMin = 0.9;
constexpr double kPerSecondMax = 10'000;
constexpr double kPerHourMin = 1;
constexpr std::int64_t kFirstArrivalNsMax = std::int64_t{24} * 3600 * 1000 * kNsPerMs;

std::vector<std::int64_t> gaps_between_times(std::span<const Request> requests) {
  std::vector<std::int64_t> gaps;
  for (std::size_t i = 1; i < requests.size(); ++i) {
    const std::int64_t gap = requests[i].arrival_ns - requests[i - 1].arrival_ns;
    if (gap > 0) gaps.push_back(gap);
  }
  return gaps;
}

// Within a hundredth of a tick of a multiple of it.
bool is_on_tick(std::int64_t gap_ns, std::int64_t tick_ns) {
  const std::int64_t slack = tick_ns / 100;
  const std::int64_t beyond = gap_ns % tick_ns;
  return gap_ns >= tick_ns - slack && (beyond <= slack || tick_ns - beyond <= slack);
}

}  // namespace

std::uint64_t distinct_times(std::span<const Request> requests) {
  return requests.empty() ? 0 : gaps_between_times(requests).size() + 1;
}

std::optional<ClockTick> clock_tick(std::span<const Request> requests) {
  if (requests.size() < kRowsMin) return std::nullopt;
  std::vector<std::int64_t> gaps = gaps_between_times(requests);
  if (gaps.empty()) return std::nullopt;
  // The smallest tenth of gaps starts at the tick where there is one; outliers lie below it.
  const auto low = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 20);
  std::nth_element(gaps.begin(), low, gaps.end());
  const std::int64_t tick = *low;
  if (tick < kTickNsMin) return std::nullopt;
  const auto on_tick = std::count_if(
      gaps.begin(), gaps.end(), [&](std::int64_t gap) { return is_on_tick(gap, tick); });
  if (static_cast<double>(on_tick) < kOnTickShareMin * static_cast<double>(gaps.size())) {
    return std::nullopt;
  }
  return ClockTick{tick, gaps.size() + 1};
}

std::vector<std::string> arrival_warnings(std::span<const Request> requests) {
  std::vector<std::string> warnings;
  if (requests.size() < 2) return warnings;
  if (const std::optional<ClockTick> tick = clock_tick(requests)) {
    warnings.push_back(
        fmt::format("quantised clock: {} rows share {} distinct times, about {:.3g} s apart; "
                    "latencies under these arrivals show that tick",
                    requests.size(),
                    tick->times_distinct,
                    static_cast<double>(tick->tick_ns) / kNsPerSecond));
  }
  const auto duration_ns =
      static_cast<double>(requests.back().arrival_ns - requests.front().arrival_ns);
  const double per_second = static_cast<double>(requests.size()) * kNsPerSecond / duration_ns;
  if (duration_ns > 0 && (per_second > kPerSecondMax || per_second * 3600 < kPerHourMin)) {
    warnings.push_back(fmt::format(
        "unusual rate: {:.3g} requests a second; are the times milliseconds?", per_second));
  }
  if (requests.front().arrival_ns > kFirstArrivalNsMax) {
    warnings.push_back(
        fmt::format("the first request arrives {:.0f} s after the trace's start; times since an "
                    "epoch?",
                    static_cast<double>(requests.front().arrival_ns) / kNsPerSecond));
  }
  return warnings;
}

}  // namespace radixbench

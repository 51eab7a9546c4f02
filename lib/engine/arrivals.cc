#include "engine/arrivals.h"

#include "base/random.h"

#include <algorithm>

namespace radixbench {

Arrivals::Arrivals(const Trace& trace, const EngineOptions& options, std::uint32_t replica_count)
    : trace_{trace},
      policy_{options.dispatch},
      speedup_{options.speedup},
      replica_count_{replica_count} {}

std::int64_t Arrivals::arrival_ns(RequestId request) const {
  return static_cast<std::int64_t>(static_cast<double>(trace_.requests[request].arrival_ns) /
                                   speedup_);
}

std::uint64_t Arrivals::count_by(std::int64_t now_ns) const {
  std::uint64_t count = dispatched_count_;
  while (count < trace_.requests.size() && arrival_ns(count) <= now_ns) ++count;
  return count;
}

std::int64_t Arrivals::next_ns() const {
  return is_over() ? kNever : arrival_ns(dispatched_count_);
}

std::vector<RequestId> Arrivals::dispatch(std::uint64_t arrived_count,
                                          std::uint32_t replica,
                                          std::span<const std::uint32_t> queue_lengths) {
  std::vector<RequestId> own;
  std::vector<std::uint32_t> lengths{queue_lengths.begin(), queue_lengths.end()};
  lengths.resize(replica_count_);
  const std::uint64_t end = std::min<std::uint64_t>(arrived_count, trace_.requests.size());
  for (; dispatched_count_ < end; ++dispatched_count_) {
    std::uint64_t target = dispatched_count_ % replica_count_;
    if (policy_ == Dispatch::kShortestQueue) {
      const auto shortest = std::ranges::min_element(lengths);
      target = static_cast<std::uint64_t>(shortest - lengths.begin());
      ++*shortest;
    }
    if (target == replica) own.push_back(dispatched_count_);
  }
  return own;
}

void AbortPlan::consider(RequestId request, std::int64_t start_ns, std::int64_t earliest_end_ns) {
  if (draw_uniform(seed_, "abort.choice", request, 0) >= rate_) return;
  const double share = draw_uniform(seed_, "abort.time", request, 0);
  const auto span_ns = static_cast<double>(earliest_end_ns - start_ns);
  planned_.emplace(start_ns + static_cast<std::int64_t>(share * span_ns), request);
}

std::vector<RequestId> AbortPlan::due(std::int64_t now_ns, std::size_t count_max) {
  std::vector<RequestId> requests;
  while (!planned_.empty() && planned_.begin()->first <= now_ns && requests.size() < count_max) {
    requests.push_back(planned_.begin()->second);
    planned_.erase(planned_.begin());
  }
  return requests;
}

std::int64_t AbortPlan::next_ns() const {
  return planned_.empty() ? kNever : planned_.begin()->first;
}

}  // namespace radixbench

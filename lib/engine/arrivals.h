#pragma once

#include "base/ids.h"
#include "engine/options.h"
#include "trace/request.h"

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <vector>

namespace radixbench {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// When requests come, and to which replica each goes. Every rank holds one and works out the same,
// from the trace and from what the stage agreed on.
class Arrivals {
 public:
  Arrivals(const Trace& trace, const EngineOptions& options, std::uint32_t replica_count);

  // Requests of the trace that have come by `now_ns`.
  [[nodiscard]] std::uint64_t count_by(std::int64_t now_ns) const;
  [[nodiscard]] std::int64_t arrival_ns(RequestId request) const;
  // When the first request that is not dispatched yet comes; kNever after the last.
  [[nodiscard]] std::int64_t next_ns() const;
  [[nodiscard]] bool is_over() const { return dispatched_count_ == trace_.requests.size(); }

  // Sends the requests up to `arrived_count` on their way and answers those for `replica`.
  // `queue_lengths`: of each replica, as the stage last agreed.
  std::vector<RequestId> dispatch(std::uint64_t arrived_count,
                                  std::uint32_t replica,
                                  std::span<const std::uint32_t> queue_lengths);

 private:
  const Trace& trace_;
  Dispatch policy_;
  double speedup_;
  std::uint32_t replica_count_;
  std::uint64_t dispatched_count_ = 0;
};

// The requests that will be aborted, on the entry rank: a share of those that start a prefetch, at
// a time drawn between its start and its earliest end.
class AbortPlan {
 public:
  AbortPlan(double rate, std::uint64_t seed) : rate_{rate}, seed_{seed} {}

  void consider(RequestId request, std::int64_t start_ns, std::int64_t earliest_end_ns);
  // Those due by `now_ns`, at most `count_max`; they leave the plan.
  std::vector<RequestId> due(std::int64_t now_ns, std::size_t count_max);
  [[nodiscard]] std::int64_t next_ns() const;

 private:
  double rate_;
  std::uint64_t seed_;
  std::multimap<std::int64_t, RequestId> planned_;
};

}  // namespace radixbench

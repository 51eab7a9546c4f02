#include "control/latency_model.h"

#include "base/check.h"
#include "base/random.h"

#include <utility>

namespace radixbench {

LatencyModel::LatencyModel(const LatencyOptions& options,
                           std::uint64_t seed,
                           std::vector<RankSkew> skews)
    : options_{options}, seed_{seed}, skews_{std::move(skews)} {}

std::int64_t LatencyModel::hit_query_ns(Rank rank, RequestId request, std::size_t pages) const {
  const std::int64_t work_ns =
      options_.hit_query_base_ns + options_.hit_query_page_ns * static_cast<std::int64_t>(pages);
  return skew(rank).storage_ns + jittered(work_ns, "hit_query", rank, request);
}

std::int64_t LatencyModel::page_read_start_ns() const { return options_.page_read_base_ns; }

std::int64_t LatencyModel::page_read_ns(Rank rank, RequestId request) const {
  return skew(rank).storage_ns + jittered(options_.page_read_ns, "page_read", rank, request);
}

std::int64_t LatencyModel::backup_ns(Rank rank, std::uint64_t number, std::size_t pages) const {
  const std::int64_t work_ns =
      options_.backup_base_ns + options_.backup_page_ns * static_cast<std::int64_t>(pages);
  return skew(rank).storage_ns + jittered(work_ns, "backup", rank, number);
}

std::int64_t LatencyModel::write_ns(Rank rank, std::uint64_t number, std::size_t pages) const {
  const std::int64_t work_ns =
      options_.write_base_ns + options_.write_page_ns * static_cast<std::int64_t>(pages);
  return jittered(work_ns, "write", rank, number);
}

std::int64_t LatencyModel::load_ns(Rank rank, std::uint64_t number, std::size_t pages) const {
  const std::int64_t work_ns =
      options_.load_base_ns + options_.load_page_ns * static_cast<std::int64_t>(pages);
  return jittered(work_ns, "load", rank, number);
}

const RankSkew& LatencyModel::skew(Rank rank) const {
  RADIXBENCH_CHECK(rank < skews_.size());
  return skews_[rank];
}

std::int64_t LatencyModel::local_now_ns(Rank rank, std::int64_t now_ns) const {
  const RankSkew& own = skew(rank);
  const auto drift_ns =
      static_cast<std::int64_t>(static_cast<double>(now_ns) * own.clock_drift_ppm * 1e-6);
  return now_ns + own.clock_ns + drift_ns;
}

std::int64_t LatencyModel::jittered(std::int64_t duration_ns,
                                    const char* stream,
                                    Rank rank,
                                    std::uint64_t number) const {
  const double unit = 2 * draw_uniform(seed_, stream, rank, number) - 1;
  return static_cast<std::int64_t>(static_cast<double>(duration_ns) * (1 + options_.jitter * unit));
}

}  // namespace radixbench

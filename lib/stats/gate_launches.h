#pragma once

#include "base/metric.h"
#include "stats/gate_statistics.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// A thing that is compared: what a run was asked to vary, and which statistic of which metric. Two
// launches measured the same thing where all of it is equal.
struct CellKey {
  std::string scenario;  // the trace's name
  std::string layout;    // engine form
  std::string rules, agreement, transport, policy, clock;
  std::uint32_t page_size = 1;
  std::string metric;  // agreement_per_step, wire_ops, ...
  std::string stat;    // p50, floor, p95, p99, mean; total of exact metrics

  friend auto operator<=>(const CellKey&, const CellKey&) = default;
};

// scenario/layout/agreement/transport/policy::metric@stat: how every output writes a cell. Rules,
// clock and page size follow the policy where they are not the defaults.
std::string cell_name(const CellKey& key);

// One value of one launch. Noisy values are one statistic over the launch's iterations; an
// iteration of a collective is the largest over the ranks.
struct LaunchCell {
  CellKey key;
  std::string unit;  // UDUNITS
  MetricClass metric_class = MetricClass::kNoisy;
  std::int8_t direction =
      0;             // -1: less is better, 1: more is better, 0: neither, any change counts
  double value = 0;  // exact ones are whole and below 2^53
  std::uint64_t samples = 0;  // iterations that it is a statistic of; 1 of exact ones
  std::int32_t bench_version = 1;
};

// Name and value, in a fixed order: cpu_model, cores, kernel, governor, gpu, cuda, nccl, mpi, gloo,
// compiler, build_flags, page_size, layout, cache_state_at_start.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;
// 12 hexadecimal digits.
std::string fingerprint_hash(const Fingerprint& fingerprint);

// A: what is compared with; B: what is judged; A': A once more, for the self-check.
enum class LaunchSide : std::uint8_t { kA, kB, kSelfCheck };

// One start of the whole rank set, which is one value of each cell: the unit of all statistics.
struct Launch {
  std::string run_id;
  LaunchSide side = LaunchSide::kA;
  // Launches of equal pair numbers ran next to each other; -1 where they were not paired.
  std::int32_t pair = -1;
  std::uint32_t ranks = 1, cores = 1;  // that the ranks could run on
  // Why it gives no values: it crashed, hung or failed validation; empty where it did well.
  std::string failure;
  Fingerprint fingerprint;
  std::vector<LaunchCell> cells;
};

// What a comparison or a baseline is made of.
struct LaunchSet {
  std::string label;  // where it came from: a folder, a baseline's name
  std::vector<Launch> launches;
};

}  // namespace radixbench

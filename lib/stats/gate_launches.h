#pragma once

#include "base/metric.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// A thing that is compared: what a run was asked to vary, and which statistic of which metric. Two
// launches measured the same thing where all of it is equal.
struct CellKey {
  std::string scenario;                          // the trace's name
  std::string layout;                            // engine form
  std::uint32_t tp = 1, cp = 1, dp = 1, pp = 1;  // attention TP, attention CP, replicas, stages
  std::string rules, agreement, transport, policy, clock;
  std::uint32_t page_size = 1;
  std::string metric;  // agreement_per_step, wire_ops, ...
  std::string stat;    // p50, floor, p95, p99, mean; total of counts

  // clang-tidy 14 takes a zero in what the compiler writes for a pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const CellKey&, const CellKey&) = default;
};

// scenario/layout/agreement/transport/policy::metric@stat: how every output writes a cell. Rules,
// clock and page size follow the policy (/rules=j) where they are not a replay's defaults.
std::string cell_name(const CellKey& key);

// The fields that a rule's selector and `across` can name: scenario, layout, tp, cp, dp, pp, rules,
// agreement, transport, policy, clock, page_size. Nothing for other names.
std::optional<std::string> field_of(const CellKey& key, std::string_view field);
const std::vector<std::string_view>& cell_fields();

// One value of one launch. Noisy values are one statistic over the launch's iterations; an
// iteration of a collective is the largest over the ranks.
struct LaunchCell {
  CellKey key;
  std::string unit;  // UDUNITS
  MetricClass metric_class = MetricClass::kNoisy;
  // -1: less is better, 1: more is better, 0: neither, any change counts
  std::int8_t direction = 0;
  double value = 0;           // exact ones are whole and below 2^53
  std::uint64_t samples = 0;  // iterations that it is a statistic of; 1 of counts
  std::int32_t bench_version = 1;
};

// Name and value of each of fingerprint_fields(), in that order; an empty value: not known, or
// there is none.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;
const std::vector<std::string_view>& fingerprint_fields();
// 12 hexadecimal digits.
std::string fingerprint_hash(const Fingerprint& fingerprint);

// A: what is compared with; B: what is judged; A': A once more, for the self-check.
enum class LaunchSide : std::uint8_t { kA, kB, kSelfCheck };
std::string_view to_string(LaunchSide side);  // A, B, A'

// One start of the whole rank set, which is one value of each cell: the unit of all statistics.
struct Launch {
  std::string run_id;
  LaunchSide side = LaunchSide::kA;
  // Launches of equal pair numbers ran next to each other; -1 where they were not paired. A' has
  // the numbers of the launches of A that it ran next to.
  std::int32_t pair = -1;
  std::uint32_t ranks = 1, cores = 1;  // that the ranks could run on
  std::int64_t clock_overhead_ns = 0;  // of reading the clock once
  // Why it gives no values: it crashed, hung or failed validation; empty where it did well. Cells
  // of one that failed say which values there would have been, if that is known.
  std::string failure;
  Fingerprint fingerprint;
  std::vector<LaunchCell> cells;
};

// What a comparison or a baseline is made of.
struct LaunchSet {
  std::string label;  // where it came from: a folder, a baseline's name
  std::vector<Launch> launches;
  // Fields of cells and of the fingerprint that the sides differ in on purpose.
  std::vector<std::string> across;
  // How it came about, for people: command lines, seed, commit.
  std::vector<std::pair<std::string, std::string>> about;
};

}  // namespace radixbench

#include "report/launch_of_run.h"

#include "stats/metrics.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

// Below this p99 is little else than the largest value.
constexpr std::uint64_t kP99SamplesMin = 100;

// The last one of a name wins, as where a plan adds to what was collected.
std::string value_of(const NamedValues& values, std::string_view name) {
  for (auto value = values.rbegin(); value != values.rend(); ++value) {
    if (value->first == name) return value->second;
  }
  return "";
}

template <typename Number>
Number number_of(const NamedValues& values, std::string_view name, Number otherwise) {
  const std::string text = value_of(values, name);
  Number number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// 6.1.0-18-amd64 -> 6.1: patches of one series leave times as they are.
std::string kernel_series(std::string_view release) {
  const std::size_t major_end = release.find('.');
  if (major_end == std::string_view::npos) return std::string{release};
  std::size_t end = major_end + 1;
  while (end < release.size() && release[end] >= '0' && release[end] <= '9') ++end;
  return std::string{release.substr(0, end)};
}

// The master's column is short, and would make one of what is switched off in several ways.
std::string rules_of(const MasterData& run) {
  const std::string without = value_of(run.identity.options, "without");
  if (without.empty()) return run.variables.rules;
  return fmt::format("{} without {}", value_of(run.identity.options, "rules"), without);
}

CellKey key_of(const MasterData& run) {
  const RunVariables& variables = run.variables;
  const auto unsigned_of = [](std::int32_t size) { return static_cast<std::uint32_t>(size); };
  return {.scenario = variables.scenario,
          .layout = variables.layout,
          .tp = unsigned_of(variables.tp),
          .cp = unsigned_of(variables.cp),
          .dp = unsigned_of(variables.dp),
          .pp = unsigned_of(variables.pp),
          .rules = rules_of(run),
          .agreement = variables.agreement,
          .transport = variables.transport,
          .policy = variables.policy,
          .clock = variables.clock,
          .page_size = unsigned_of(variables.page_size),
          .metric = {},
          .stat = {}};
}

// Appends a metric's statistics.
class CellWriter {
 public:
  CellWriter(const MasterData& run, std::vector<LaunchCell>& cells)
      : key_{key_of(run)}, is_virtual_{run.variables.clock == "virtual"}, cells_{&cells} {}

  void add(const SummaryCell& summary) {
    if (summary.n == 0) return;
    LaunchCell cell;
    cell.key = key_;
    cell.key.metric = summary.metric;
    cell.unit = summary.unit;
    cell.direction = summary.direction;
    cell.samples = summary.n;
    // A metric of a later version is of the class that its file says.
    cell.metric_class = summary.metric_class;
    if (const MetricInfo* info = find_metric(summary.metric)) {
      cell.metric_class = class_of(info->kind, is_virtual_);
      cell.bench_version = info->bench_version;
    }
    if (summary.stat == "total") return push(cell, "total", summary.value);
    push(cell, "p50", summary.p50);
    push(cell, "floor", summary.floor);
    push(cell, "p95", summary.p95);
    if (summary.n >= kP99SamplesMin) push(cell, "p99", summary.p99);
    // Of exact values a mean is rounded, and says no more than they do.
    if (cell.metric_class == MetricClass::kNoisy) push(cell, "mean", summary.mean);
  }

 private:
  void push(LaunchCell cell, const char* stat, double value) {
    cell.key.stat = stat;
    cell.value = value;
    cells_->push_back(std::move(cell));
  }

  CellKey key_;
  bool is_virtual_;
  std::vector<LaunchCell>* cells_;
};

std::string failure_of(const MasterData& run) {
  for (const RankFileEntry& file : run.rank_files) {
    if (!file.is_readable) return fmt::format("the record of rank {} is missing", file.rank);
  }
  std::string end = value_of(run.identity.provenance, "run_end");
  if (!end.empty() && end != "fine") return end;
  for (const RankFileEntry& file : run.rank_files) {
    if (file.status == RankStatus::kComplete) continue;
    return fmt::format("rank {} did not come to its end: {}", file.rank, to_string(file.status));
  }
  return "";
}

}  // namespace

Fingerprint fingerprint_of_run(const MasterData& run) {
  const NamedValues& provenance = run.identity.provenance;
  Fingerprint fingerprint;
  for (const std::string_view field : fingerprint_fields()) {
    std::string value = value_of(provenance, field);
    if (field == "cores") value = value_of(provenance, "cpus_allowed");
    if (field == "kernel") value = kernel_series(value);
    if (field == "page_size") value = std::to_string(run.variables.page_size);
    if (field == "layout") value = run.variables.layout;
    fingerprint.emplace_back(field, std::move(value));
  }
  return fingerprint;
}

Launch launch_of_run(const MasterData& run) {
  Launch launch;
  launch.run_id = run.identity.run_id;
  launch.ranks = run.identity.world_size;
  launch.cores = number_of(run.identity.provenance, "cpus_allowed", 1U);
  launch.clock_overhead_ns =
      number_of(run.identity.provenance, "clock_overhead_ns", std::int64_t{0});
  launch.failure = failure_of(run);
  launch.fingerprint = fingerprint_of_run(run);
  CellWriter writer{run, launch.cells};
  for (const SummaryCell& summary : run.cells) writer.add(summary);
  return launch;
}

}  // namespace radixbench

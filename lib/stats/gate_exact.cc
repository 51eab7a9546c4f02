#include "stats/gate_exact.h"

#include "base/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace radixbench {
namespace {

// "4096 in 9 launches, 4097 in 1 (first: run id)"; empty where there is one value.
std::string mixture_of(const std::vector<SideSamples::Sample>& samples) {
  struct Met {
    std::size_t launches = 0;
    const Launch* first = nullptr;
  };
  std::map<double, Met> values;
  for (const SideSamples::Sample& sample : samples) {
    Met& met = values[sample.value];
    ++met.launches;
    if (met.first == nullptr) met.first = sample.launch;
  }
  if (values.size() <= 1) return "";
  constexpr std::size_t kShownMax = 3;
  std::vector<std::string> parts;
  for (const auto& [value, met] : values) {
    if (parts.size() == kShownMax) {
      parts.push_back(fmt::format("{} more values", values.size() - kShownMax));
      break;
    }
    parts.push_back(fmt::format("{} in {} ({})", value, met.launches, met.first->run_id));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

void judge_exact(const CellSamples& samples, GateCell& cell) {
  RADIXBENCH_CHECK(!samples.a.samples.empty() && !samples.b.samples.empty());
  std::vector<SideSamples::Sample> of_a = samples.a.samples;
  of_a.insert(of_a.end(), samples.self_check.samples.begin(), samples.self_check.samples.end());
  const std::string mixture_a = mixture_of(of_a);
  const std::string mixture_b = mixture_of(samples.b.samples);
  if (!mixture_a.empty() || !mixture_b.empty()) {
    cell.verdict = GateVerdict::kNondeterministic;
    cell.reason = mixture_a.empty() ? "B has " + mixture_b : "A has " + mixture_a;
    return;
  }
  const double a = of_a.front().value;
  const double b = samples.b.samples.front().value;
  const double allowed = std::max(cell.tolerance * std::abs(a), cell.abs_floor);
  if (a == b || std::abs(b - a) <= allowed) {
    cell.verdict = GateVerdict::kPass;
    cell.reason = a == b ? "equal" : "within the tolerance";
    return;
  }
  const bool is_worse = cell.direction == 0 || (b > a) == (cell.direction < 0);
  cell.verdict = is_worse ? GateVerdict::kRegressed : GateVerdict::kImproved;
  cell.reason = fmt::format("{}{} exact", b > a ? "+" : "", b - a);
  if (cell.direction == 0) cell.reason += ", changed";
}

}  // namespace radixbench

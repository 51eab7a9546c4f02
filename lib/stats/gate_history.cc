#include "stats/gate_history.h"

#include "stats/gate_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace radixbench {
namespace {

// The value below which `share` of the sorted ones lie, between two of them by the distance.
double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - std::floor(position));
}

std::vector<double> values_in(const LaunchSet& set, const CellKey& key) {
  std::vector<double> values;
  for (const Launch& launch : set.launches) {
    if (!launch.failure.empty()) continue;
    for (const LaunchCell& cell : launch.cells) {
      if (cell.key == key && cell.value > 0) values.push_back(cell.value);
    }
  }
  return values;
}

}  // namespace

std::optional<double> movement_of(const CellKey& key, std::span<const LaunchSet> history) {
  std::vector<double> medians;
  for (const LaunchSet& set : history) {
    const std::vector<double> values = values_in(set, key);
    if (!values.empty()) medians.push_back(median(values));
  }
  std::vector<double> steps;
  for (std::size_t i = 1; i < medians.size(); ++i) {
    steps.push_back(std::abs(std::log(medians[i] / medians[i - 1])));
  }
  if (steps.empty()) return std::nullopt;
  std::sort(steps.begin(), steps.end());
  const double upper = quantile(steps, 0.75);
  return upper + 3 * (upper - quantile(steps, 0.25));
}

}  // namespace radixbench

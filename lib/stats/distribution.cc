#include "stats/distribution.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>

namespace radixbench {

std::int64_t nearest_rank(std::span<const std::int64_t> sorted, double share) {
  RADIXBENCH_CHECK(!sorted.empty() && share > 0 && share <= 1);
  // 0.95 * 20 is a hair above 19 in binary, which must not become the 20th.
  constexpr double kHair = 1e-9;
  const double position = std::ceil(share * static_cast<double>(sorted.size()) - kHair);
  const auto ordinal =
      std::clamp(static_cast<std::size_t>(position), std::size_t{1}, sorted.size());
  return sorted[ordinal - 1];
}

Distribution distribution_of(std::vector<std::int64_t> values) {
  Distribution shown;
  if (values.empty()) return shown;
  std::sort(values.begin(), values.end());
  shown.count = values.size();
  shown.p05 = nearest_rank(values, 0.05);
  shown.p50 = nearest_rank(values, 0.50);
  shown.p95 = nearest_rank(values, 0.95);
  shown.p99 = nearest_rank(values, 0.99);
  shown.max = values.back();
  double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<double>(value);
  shown.mean = sum / static_cast<double>(values.size());
  double squares = 0;
  for (const std::int64_t value : values) {
    const double difference = static_cast<double>(value) - shown.mean;
    squares += difference * difference;
  }
  if (values.size() > 1) shown.stddev = std::sqrt(squares / static_cast<double>(values.size() - 1));
  return shown;
}

}  // namespace radixbench

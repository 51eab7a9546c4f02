#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace radixbench {

// Nearest rank: the smallest value that at least `share` of the values do not exceed, i.e. the
// ceil(share * n)-th smallest. `sorted` is ascending and not empty; share in (0, 1].
std::int64_t nearest_rank(std::span<const std::int64_t> sorted, double share);

// What is shown of many values. All zero when count is.
struct Distribution {
  std::uint64_t count = 0;
  std::int64_t p05 = 0, p50 = 0, p95 = 0, p99 = 0, max = 0;
  double mean = 0;
  double stddev = 0;  // of the sample (n - 1); 0 for one value
};

Distribution distribution_of(std::vector<std::int64_t> values);

}  // namespace radixbench

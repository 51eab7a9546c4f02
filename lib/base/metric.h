#pragma once

#include <cstdint>

namespace radixbench {

// Exact metrics count, and differ between two runs of equal options and seed only where the program
// does; noisy ones are times.
enum class MetricClass : std::uint8_t { kExact, kNoisy };

}  // namespace radixbench

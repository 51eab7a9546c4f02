#pragma once

#include "base/random.h"

#include <cstddef>
#include <vector>

namespace radixbench {

// Costs of made-up launches, in logarithms: close to normal.
inline std::vector<double> made_up_costs(Random& random,
                                         std::size_t count,
                                         double centre,
                                         double stddev) {
  std::vector<double> costs;
  for (std::size_t i = 0; i < count; ++i) {
    double sum = -6;  // twelve uniform draws have mean 6 and variance 1
    for (int draws = 0; draws < 12; ++draws) sum += random.uniform();
    costs.push_back(centre + stddev * sum);
  }
  return costs;
}

}  // namespace radixbench

#pragma once

#include "stats/gate_launches.h"

#include <string>

namespace radixbench {

// RFC 4180: a heading, then one row a value, which is one cell of one launch. A launch that failed
// has one row without a cell, which says why.
std::string launches_csv(const LaunchSet& set);

}  // namespace radixbench

#pragma once

#include "stats/gate_launches.h"

#include <optional>
#include <span>

namespace radixbench {

// How far noise moves a cell from one baseline to the next, in logarithms: Q3 + 3 IQR of the
// distances of their medians, so that a step which `history` knows is none. Oldest first; nothing
// where fewer than two of them have the cell.
std::optional<double> movement_of(const CellKey& key, std::span<const LaunchSet> history);

}  // namespace radixbench

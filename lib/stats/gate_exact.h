#pragma once

#include "stats/gate_cells.h"
#include "stats/gate_report.h"

namespace radixbench {

// The verdict, with its reason, of a cell that is compared without statistics and has values on
// both sides. Differs within a side (A' is A once more): NONDETERMINISTIC. Then one value stands
// against one: worse by more than the tolerance is REGRESSED, better by more IMPROVED, and of a
// metric of no direction any change beyond it is REGRESSED.
void judge_exact(const CellSamples& samples, GateCell& cell);

}  // namespace radixbench

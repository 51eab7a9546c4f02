#pragma once

#include "base/result.h"
#include "record/summary_cell.h"
#include "replay/plan.h"
#include "replay/run_data.h"
#include "stats/join.h"
#include "stats/run_summary.h"

#include <vector>

namespace radixbench {

// Makes the run's run.h5 of what its ranks left and of what was worked out from it. Element i of
// `joined` belongs to data.ranks[i].
Result<void> write_run_master(const ReplayPlan& plan,
                              const RunData& data,
                              const std::vector<std::vector<JoinedColumns>>& joined,
                              const RunSummary& summary);

// The rows of summary/cells.
std::vector<SummaryCell> summary_cells(const RunSummary& summary);

}  // namespace radixbench

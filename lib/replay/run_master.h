#pragma once

#include "base/result.h"
#include "record/recorder.h"
#include "record/summary_cell.h"
#include "replay/run_data.h"
#include "stats/join.h"
#include "stats/run_summary.h"

#include <string>
#include <vector>

namespace radixbench {

// Makes run.h5 in the run's folder of what its ranks left and of what was worked out from it.
// `identity` is what the ranks share; element i of `joined` belongs to data.ranks[i].
Result<void> write_run_master(const std::string& directory,
                              RankIdentity identity,
                              const RunData& data,
                              const std::vector<std::vector<JoinedColumns>>& joined,
                              const RunSummary& summary);

// The rows of summary/cells.
std::vector<SummaryCell> summary_cells(const RunSummary& summary);

}  // namespace radixbench

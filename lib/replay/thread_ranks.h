#pragma once

#include "replay/plan.h"
#include "replay/rank_report.h"
#include "replay/run_rings.h"

#include <vector>

namespace radixbench {

// Runs every rank of the plan as a thread of this process, to the end. After the first failure the
// others have a moment to report, then are interrupted.
std::vector<RankReport> run_thread_ranks(const ReplayPlan& plan, const RunRings& rings);

}  // namespace radixbench

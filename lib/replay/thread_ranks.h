#pragma once

#include "replay/plan.h"
#include "replay/rank_report.h"
#include "replay/rank_status_page.h"
#include "replay/run_rings.h"

#include <functional>
#include <vector>

namespace radixbench {

// How far a rank is, while they run.
using RankProgress = std::function<RankStatusPage::Progress(Rank)>;

// Runs every rank of the plan as a thread of this process, to the end. After the first failure the
// others have a moment to report, then are interrupted. `ticked`: may be empty; called by the
// calling thread, several times a second.
std::vector<RankReport> run_thread_ranks(
    const ReplayPlan& plan,
    const RunRings& rings,
    const std::function<void(const RankProgress&)>& ticked = {});

}  // namespace radixbench

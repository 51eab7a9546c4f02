#pragma once

#include "replay/plan.h"
#include "replay/rank_processes.h"
#include "replay/rank_status_page.h"
#include "replay/run_rings.h"

#include <functional>

namespace radixbench {

// How far a rank is, while they run.
using RankProgress = std::function<RankStatusPage::Progress(Rank)>;

// Called on the thread that waits for the ranks. Each may be empty.
struct ThreadRanksCallbacks {
  std::function<void(const RankProgress&)> ticked{};  // several times a second
  std::function<void()> asked{};                      // SIGUSR1 came
  std::function<void()> interrupted{};                // by the first signal, before it acts
};

// Runs every rank of the plan as a thread of this process, to the end. After the first failure the
// others have a moment to report, then are interrupted. SIGINT, SIGTERM and SIGUSR1 are the calling
// thread's meanwhile: the first of those that end interrupts the ranks, a second one ends the
// process by itself, since a thread can't be killed alone.
RanksEnd run_thread_ranks(const ReplayPlan& plan,
                          const RunRings& rings,
                          const ThreadRanksCallbacks& callbacks = {});

}  // namespace radixbench

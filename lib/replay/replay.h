#pragma once

#include "base/result.h"
#include "comm/world.h"
#include "replay/outcome.h"
#include "replay/plan.h"
#include "replay/rank_processes.h"
#include "replay/rank_report.h"
#include "replay/run_data.h"
#include "stats/divergence.h"
#include "stats/run_summary.h"
#include "watch/recording.h"
#include "watch/verdict.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {

// How far a run is, for whoever shows it.
struct ReplayProgress {
  std::uint64_t requests_ended = 0;  // over the replicas
  std::uint64_t requests = 0;
  std::int64_t now_ns = 0;  // the run's clock
  std::uint64_t step = 0;
};

// Called on the supervisor's thread; each may be empty.
struct ReplayCallbacks {
  std::function<void(const ReplayProgress&)> progressed{};
  // The first verdict that names a fault, as soon as it is seen.
  std::function<void(const Verdict&)> found{};
  // Somebody sent SIGUSR1: who waits for whom.
  std::function<void(const Diagnosis&)> asked{};
};

// What is different where somebody else started the job. Each may be empty.
struct ReplayLaunch {
  std::function<Result<std::unique_ptr<World>>()> make_world{};
  std::function<void(Rank)> rank_started{};  // in the rank's process, before anything else
  std::function<void(const RankProcesses&)> ticked{};
};

struct ReplayResult {
  std::vector<RankReport> reports;
  RunData data;
  std::vector<Divergence> divergences;
  RunSummary summary;
  std::vector<Recording> recordings;  // of the ranks' rings, as all had ended
  Diagnosis diagnosis;
  Outcome outcome;
};

// Runs the plan's ranks to their end, reads back what they recorded, compares it, and makes the
// master file. Fails only where no rank could be started. To be called before the process has a
// second thread (ranks are forked).
Result<ReplayResult> replay(const ReplayPlan& plan,
                            const ReplayCallbacks& callbacks,
                            const ReplayLaunch& launch = {});

}  // namespace radixbench

#pragma once

#include "base/result.h"
#include "comm/rendezvous.h"
#include "comm/world.h"
#include "replay/following_host.h"
#include "replay/leading_host.h"
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
#include <optional>
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

// A world, and where its ranks on other hosts come to it, if they need to be told.
struct MadeWorld {
  std::unique_ptr<World> world;
  std::optional<RendezvousAddress> meeting;
};

// What is different where somebody else started the job. Each may be empty.
struct ReplayLaunch {
  std::function<Result<MadeWorld>()> make_world{};
  std::function<void(Rank)> rank_started{};  // in the rank's process, before anything else
  std::function<void(const RankProcesses&)> ticked{};
  // Where the run has other hosts: the ranks of this one, which leads.
  std::vector<Rank> here{};
  LeadingHost* leading = nullptr;
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

// On a host that another one leads: runs the ranks `launch.here` to their end and answers the exit
// code that the leading host has for the run.
Result<int> replay_along(const ReplayPlan& plan, FollowingHost& host, const ReplayLaunch& launch);

}  // namespace radixbench

#pragma once

#include "base/result.h"
#include "comm/communicator.h"
#include "record/recorder.h"
#include "replay/plan.h"
#include "replay/rank_status.h"
#include "watch/ring_recorder.h"

namespace radixbench {

// One rank of a replay, on the calling thread and its background threads: makes groups, tiers and
// controllers, runs the scheduler to the end and hands its rows and counters to `recorder`, which
// it does not close, and what it calls and decides to `ring`. Fails with what ended the run; the
// counters are worth writing either way.
struct RankResult {
  Result<void> ended;
  std::vector<CounterRow> counters;
};
RankResult run_rank(const ReplayPlan& plan,
                    Fabric& fabric,
                    Recorder& recorder,
                    RankStatusSink& status,
                    RingRecorder& ring);

}  // namespace radixbench

#pragma once

#include "base/result.h"
#include "comm/communicator.h"
#include "record/recorder.h"
#include "replay/last_words.h"
#include "replay/plan.h"
#include "replay/rank_status.h"
#include "watch/ring_memory.h"

#include <string>

namespace radixbench {

// What a rank's file and, of rank 0, the master say of the run.
RankIdentity identity_of(const ReplayPlan& plan, Rank rank);

// DIR/ranks/rank00003.h5
std::string rank_file(const ReplayPlan& plan, Rank rank);

// One rank from its record's first row to its last: run_rank with a rank file, which is closed
// whatever ended the run. `memory` is this rank's ring; `last_words`, which may be null, is told of
// the file.
Result<void> run_recorded_rank(const ReplayPlan& plan,
                               Fabric& fabric,
                               RankStatusSink& status,
                               const RingMemory& memory,
                               LastWords* last_words = nullptr);

}  // namespace radixbench

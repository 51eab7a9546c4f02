#pragma once

#include "replay/launch_context.h"
#include "replay/plan.h"
#include "replay/replay.h"

#include <functional>

namespace radixbench {

// Runs a replay to its end, and answers the exit code.
using SuperviseReplay = std::function<int(ReplayOptions options, const ReplayLaunch& launch)>;

// Finds out who started this process. Nobody: `supervise` runs the replay, with ranks of its own.
// A launcher: the first process of the host does, for all that were started there, and the others
// wait for it and end as it does.
int run_launched(ReplayOptions options, const LaunchFlags& flags, const SuperviseReplay& supervise);

}  // namespace radixbench

#pragma once

#include "replay/replay.h"

#include <string>

namespace radixbench {

// The table that `replay` prints on stdout.
std::string replay_table(const ReplayPlan& plan, const ReplayResult& result);

}  // namespace radixbench

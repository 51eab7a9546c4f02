#pragma once

#include "watch/call_history.h"
#include "watch/verdict.h"

#include <set>

namespace radixbench {

// What library histories show: finished, by whoever read them. `damaged` are ranks whose files
// could not be read, which says nothing of the ranks. Pure; calls are aligned by group and
// sequence, never by a clock across ranks nor by record number.
Diagnosis diagnose_histories(const CallHistories& histories, const std::set<Rank>& damaged);

}  // namespace radixbench

#pragma once

#include "base/result.h"
#include "replay/plan.h"
#include "tier/storage.h"

#include <memory>

namespace radixbench {

// Whose pages a rank's are. SGLang (parallel-groups 1.1.5): attention TP numbers under DP
// attention, else the full stage's, which count the CP ranks already.
StorageIdentity storage_identity(const ReplayPlan& plan, Rank rank);

// The rank's storage; null where the run has none. kCannotCreate as make_directory_storage.
Result<std::unique_ptr<Storage>> open_rank_storage(const ReplayPlan& plan, Rank rank);

// Before any rank starts: that the directory can be written and would hold every page of the run on
// every rank.
Result<void> check_storage_directory(const ReplayPlan& plan);

// "cold", or "prefilled:DIRECTORY" where a storage directory holds pages of an earlier run: device,
// host and storage in memory always begin empty. Before any rank has started.
std::string cache_state_at_start(const ReplayPlan& plan);

}  // namespace radixbench

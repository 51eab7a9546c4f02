#pragma once

#include "inject/fault_spec.h"
#include "replay/rank_status.h"

#include <memory>
#include <span>

namespace radixbench {

// `inner`, but the process gets SIGKILL at the moment that a fault of kind kKill names. Not for
// ranks that are threads. `inner` must outlive the result.
std::unique_ptr<RankStatusSink> make_killing_status(RankStatusSink& inner, const FaultSpec& fault);

}  // namespace radixbench

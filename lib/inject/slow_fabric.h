#pragma once

#include "comm/communicator.h"

#include <chrono>
#include <memory>

namespace radixbench {

// Hands out groups of `inner` (of more than one rank) whose every collective takes `delay` longer:
// this rank is busy so long before it lets the others see it come. For studies of what a slower
// call does to a comparison. `inner` must outlive the result and its groups.
std::unique_ptr<Fabric> make_slow_fabric(Fabric& inner, std::chrono::nanoseconds delay);

}  // namespace radixbench

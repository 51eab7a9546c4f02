#pragma once

#include "base/result.h"

#include <cstdint>

namespace radixbench {

// Leaves the calling thread one of the cores that it may use: the one whose turn it is, counted
// round robin from 0. Threads that it started before stay free to run elsewhere, later ones follow
// it. kUnsupported with the system's reason.
Result<void> pin_to_core(std::uint32_t turn);

}  // namespace radixbench

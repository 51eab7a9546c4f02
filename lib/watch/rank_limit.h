#pragma once

#include "base/ids.h"

namespace radixbench {

// A file that names this rank or a higher one was damaged, or made to harm: no job is as large, and
// what a diagnosis keeps and does grows with the world.
constexpr Rank kRecordedRanksMax = Rank{1} << 18U;

}  // namespace radixbench

#pragma once

#include "watch/recording.h"

#include <span>
#include <vector>

namespace radixbench {

// What of each stack tells its call site from the others: from the innermost function of the user's
// that was not called from all over the program, outwards. Helpers further in, and a library's own
// functions, say which call was made and not where. Goes by who calls whom; names play no part.
std::vector<std::vector<RecordedFrame>> telling_frames(
    std::span<const std::vector<RecordedFrame>* const> stacks);

}  // namespace radixbench

#pragma once

#include "tier/page_pool.h"

#include <cstdint>
#include <memory>

namespace radixbench {

// `pool`, but its `failing_take`-th take (from 1; 0: none) answers that too few pages are free and
// takes nothing, once. Every take counts, also one that would have failed anyway.
std::unique_ptr<PagePool> make_failing_pool(std::unique_ptr<PagePool> pool,
                                            std::uint64_t failing_take);

}  // namespace radixbench

#pragma once

#include "tier/page_pool.h"

#include <cstdint>
#include <memory>

namespace radixbench {

// `pool`, but the `wrong_count`-th free_count() (from 1; 0: none) answers 0, once. Nothing else
// changes: a take right after it succeeds.
std::unique_ptr<PagePool> make_miscounting_pool(std::unique_ptr<PagePool> pool,
                                                std::uint64_t wrong_count);

}  // namespace radixbench

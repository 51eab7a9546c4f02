#pragma once

#include "control/host_allocator.h"

#include <cstdint>
#include <memory>

namespace radixbench {

// Fails the `nth` allocation for `use` (from 1), once, as if nothing could be evicted; everything
// else goes to `inner`.
std::unique_ptr<HostAllocator> make_failing_host_allocator(std::unique_ptr<HostAllocator> inner,
                                                           HostUse use,
                                                           std::uint64_t nth);

}  // namespace radixbench

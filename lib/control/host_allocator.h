#pragma once

#include "base/ids.h"
#include "index/radix_tree.h"
#include "tier/page_pool.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace radixbench {

enum class HostUse : std::uint8_t { kBackup, kPrefetch };

// Where control gets host pages: a seam, so that a fault can be put into one rank's allocation
// without the controllers knowing.
class HostAllocator {
 public:
  virtual ~HostAllocator() = default;
  HostAllocator(const HostAllocator&) = delete;
  HostAllocator& operator=(const HostAllocator&) = delete;

  // Between `least` and `wanted` pages, or none; evicts host leaves where too few are free. J 2.3:
  // a backup evicts what it lacks; J 3.3: a prefetch evicts as much as it wants, then takes less.
  virtual std::vector<PageId> allocate(HostUse use, std::size_t wanted, std::size_t least) = 0;

 protected:
  HostAllocator() = default;
};

// Evicts from `tree`, whose pages belong to `host`. Both must outlive it.
std::unique_ptr<HostAllocator> make_host_allocator(RadixTree& tree, PagePool& host);

}  // namespace radixbench

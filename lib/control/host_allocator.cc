#include "control/host_allocator.h"

#include "base/check.h"

#include <algorithm>

namespace radixbench {
namespace {

class EvictingAllocator final : public HostAllocator {
 public:
  EvictingAllocator(RadixTree& tree, PagePool& host) : tree_{tree}, host_{host} {}

  std::vector<PageId> allocate(HostUse use, std::size_t wanted, std::size_t least) override {
    std::vector<PageId> pages;
    const std::size_t free_count = host_.free_count();
    if (free_count < wanted) {
      evict(use == HostUse::kBackup ? wanted - free_count : wanted);
    }
    const std::size_t count = std::min(wanted, host_.free_count());
    if (count < least || count == 0) return pages;
    const bool is_taken = host_.take(count, pages);
    RADIXBENCH_CHECK(is_taken);
    return pages;
  }

 private:
  void evict(std::size_t count) {
    const Eviction evicted = tree_.evict_host(count);
    RADIXBENCH_CHECK(evicted.device_pages.empty());
    host_.give_back(evicted.host_pages);
  }

  RadixTree& tree_;
  PagePool& host_;
};

}  // namespace

std::unique_ptr<HostAllocator> make_host_allocator(RadixTree& tree, PagePool& host) {
  return std::make_unique<EvictingAllocator>(tree, host);
}

}  // namespace radixbench

#include "control/device_allocator.h"

namespace radixbench {

bool DeviceAllocator::take(std::size_t count, std::vector<PageId>& pages) {
  const std::size_t free_count = context_.device.free_count();
  if (free_count < count) {
    const Eviction evicted = context_.tree.evict_device(count - free_count);
    context_.counts.pages_evicted_device += evicted.device_pages.size();
    context_.device.give_back(evicted.device_pages);
    context_.host.give_back(evicted.host_pages);
  }
  return context_.device.take(count, pages);
}

std::size_t DeviceAllocator::available() const {
  return context_.device.free_count() + context_.tree.evictable_device_pages();
}

}  // namespace radixbench

#pragma once

#include "control/control_context.h"

#include <cstddef>
#include <span>
#include <vector>

namespace radixbench {

// Device pages, made free by evicting from the tree where the pool runs dry. One owner: the
// scheduler thread.
class DeviceAllocator {
 public:
  explicit DeviceAllocator(ControlContext& context) : context_{context} {}

  // Appends `count` pages, or nothing where the tree has too little to evict.
  [[nodiscard]] bool take(std::size_t count, std::vector<PageId>& pages);
  void give_back(std::span<const PageId> pages) { context_.device.give_back(pages); }
  // Free, or evictable now.
  [[nodiscard]] std::size_t available() const;

 private:
  ControlContext& context_;
};

}  // namespace radixbench

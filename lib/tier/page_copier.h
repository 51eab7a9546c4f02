#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "tier/page_pool.h"

#include <cstddef>
#include <memory>
#include <span>

namespace radixbench {

// Moves the bytes of pages between a host pool and a device pool. Each direction belongs to one
// thread, which may be another for the other one; the pages belong to the copy until it is over.
class PageCopier {
 public:
  virtual ~PageCopier() = default;
  PageCopier(const PageCopier&) = delete;
  PageCopier& operator=(const PageCopier&) = delete;

  // From pages of the host to as many of the device, in pairs. Over when it returns.
  [[nodiscard]] virtual Result<void> load(std::span<const PageId> host,
                                          std::span<const PageId> device) = 0;
  // The other way.
  [[nodiscard]] virtual Result<void> save(std::span<const PageId> device,
                                          std::span<const PageId> host) = 0;

  // One page of the device, whole: for who makes its bytes, or looks whether they are right.
  [[nodiscard]] virtual Result<void> write(PageId device, std::span<const std::byte> bytes) = 0;
  [[nodiscard]] virtual Result<void> read(PageId device, std::span<std::byte> bytes) = 0;

 protected:
  PageCopier() = default;
};

// Between pools of plain memory.
std::unique_ptr<PageCopier> make_memory_copier(PagePool& host, PagePool& device);

}  // namespace radixbench

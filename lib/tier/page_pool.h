#pragma once

#include "base/ids.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace radixbench {

// A pool of pages in one place: ids, and page_bytes() of payload each (0: addresses only). Ids are
// handed out first in, first out (SGLang's host pool), so runs of a fresh pool are contiguous.
// Any thread may call take and give_back; payload of a page belongs to who holds it.
class PagePool {
 public:
  virtual ~PagePool() = default;
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  [[nodiscard]] virtual std::size_t page_count() const = 0;
  [[nodiscard]] virtual std::size_t free_count() const = 0;
  [[nodiscard]] virtual std::size_t page_bytes() const = 0;
  // `count` pages, oldest free ones first, or nothing where fewer are free. Appends to `pages`.
  [[nodiscard]] virtual bool take(std::size_t count, std::vector<PageId>& pages) = 0;
  // Giving back a page that is free is a bug.
  virtual void give_back(std::span<const PageId> pages) = 0;
  // Empty where page_bytes() is 0.
  [[nodiscard]] virtual std::span<std::byte> payload(PageId page) = 0;

 protected:
  PagePool() = default;
};

// Plain memory, for the host tier and for a simulated device.
std::unique_ptr<PagePool> make_memory_pool(std::size_t page_count, std::size_t page_bytes);

}  // namespace radixbench

#include "tier/page_pool.h"

#include "base/check.h"
#include "tier/page_ring.h"

#include <sys/mman.h>

#include <limits>
#include <new>

namespace radixbench {
namespace {

// Anonymous memory that costs nothing until it is touched: a pool of millions of pages is made at
// once, and a short run pays for the pages it used.
class LazyMemory {
 public:
  explicit LazyMemory(std::size_t bytes) : bytes_{bytes} {
    if (bytes == 0) return;
    void* const mapped = ::mmap(
        nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc{};
    data_ = static_cast<std::byte*>(mapped);
  }
  ~LazyMemory() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
  }
  LazyMemory(const LazyMemory&) = delete;
  LazyMemory& operator=(const LazyMemory&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_;
};

std::size_t payload_bytes(std::size_t page_count, std::size_t page_bytes) {
  if (page_bytes == 0) return 0;
  if (page_count > std::numeric_limits<std::size_t>::max() / page_bytes) throw std::bad_alloc{};
  return page_count * page_bytes;
}

class MemoryPool final : public PagePool {
 public:
  MemoryPool(std::size_t page_count, std::size_t page_bytes)
      : page_bytes_{page_bytes},
        memory_{payload_bytes(page_count, page_bytes)},
        ring_{page_count} {}

  [[nodiscard]] std::size_t page_count() const override { return ring_.page_count(); }
  [[nodiscard]] std::size_t page_bytes() const override { return page_bytes_; }
  [[nodiscard]] std::size_t free_count() const override { return ring_.free_count(); }
  [[nodiscard]] bool take(std::size_t count, std::vector<PageId>& pages) override {
    return ring_.take(count, pages);
  }
  void give_back(std::span<const PageId> pages) override { ring_.give_back(pages); }
  [[nodiscard]] std::span<std::byte> payload(PageId page) override {
    RADIXBENCH_CHECK(page < ring_.page_count());
    if (page_bytes_ == 0) return {};
    return {memory_.data() + page * page_bytes_, page_bytes_};
  }

 private:
  const std::size_t page_bytes_;
  const LazyMemory memory_;
  PageRing ring_;
};

}  // namespace

std::unique_ptr<PagePool> make_memory_pool(std::size_t page_count, std::size_t page_bytes) {
  return std::make_unique<MemoryPool>(page_count, page_bytes);
}

}  // namespace radixbench

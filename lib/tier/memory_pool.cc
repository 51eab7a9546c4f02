#include "tier/page_pool.h"

#include "base/check.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>
#include <numeric>

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
  // An id has 32 bits.
  RADIXBENCH_CHECK(page_count <= std::size_t{std::numeric_limits<PageId>::max()} + 1);
  if (page_bytes == 0) return 0;
  if (page_count > std::numeric_limits<std::size_t>::max() / page_bytes) throw std::bad_alloc{};
  return page_count * page_bytes;
}

// One bit a page. Guards the free list: a page that is on it twice would be handed to two holders.
class FreeBits {
 public:
  explicit FreeBits(std::size_t count) : words_((count + 63) / 64, ~std::uint64_t{0}) {}

  [[nodiscard]] bool test(PageId page) const { return (words_[page / 64] & bit(page)) != 0; }
  void set(PageId page) { words_[page / 64] |= bit(page); }
  void clear(PageId page) { words_[page / 64] &= ~bit(page); }

 private:
  static std::uint64_t bit(PageId page) { return std::uint64_t{1} << (page % 64U); }

  std::vector<std::uint64_t> words_;
};

class MemoryPool final : public PagePool {
 public:
  MemoryPool(std::size_t page_count, std::size_t page_bytes)
      : page_bytes_{page_bytes},
        memory_{payload_bytes(page_count, page_bytes)},
        ring_(page_count),
        is_free_{page_count},
        free_count_{page_count} {
    std::iota(ring_.begin(), ring_.end(), PageId{0});
  }

  [[nodiscard]] std::size_t page_count() const override { return ring_.size(); }
  [[nodiscard]] std::size_t page_bytes() const override { return page_bytes_; }
  [[nodiscard]] std::size_t free_count() const override {
    const std::lock_guard lock{mutex_};
    return free_count_;
  }

  [[nodiscard]] bool take(std::size_t count, std::vector<PageId>& pages) override {
    const std::lock_guard lock{mutex_};
    if (count > free_count_) return false;
    const std::size_t before_wrap = std::min(count, ring_.size() - head_);
    hand_out(head_, before_wrap, pages);
    hand_out(0, count - before_wrap, pages);
    head_ = before_wrap < count ? count - before_wrap : wrapped(head_ + count);
    free_count_ -= count;
    return true;
  }

  void give_back(std::span<const PageId> pages) override {
    const std::lock_guard lock{mutex_};
    std::size_t tail = wrapped(head_ + free_count_);
    for (const PageId page : pages) {
      RADIXBENCH_CHECK(page < ring_.size());
      RADIXBENCH_CHECK(!is_free_.test(page));
      is_free_.set(page);
      ring_[tail] = page;
      tail = wrapped(tail + 1);
    }
    free_count_ += pages.size();
  }

  [[nodiscard]] std::span<std::byte> payload(PageId page) override {
    RADIXBENCH_CHECK(page < ring_.size());
    if (page_bytes_ == 0) return {};
    return {memory_.data() + page * page_bytes_, page_bytes_};
  }

 private:
  [[nodiscard]] std::size_t wrapped(std::size_t position) const {
    return position >= ring_.size() ? position - ring_.size() : position;
  }

  void hand_out(std::size_t first, std::size_t count, std::vector<PageId>& pages) {
    const std::span<const PageId> run = std::span{ring_}.subspan(first, count);
    pages.insert(pages.end(), run.begin(), run.end());
    for (const PageId page : run) is_free_.clear(page);
  }

  const std::size_t page_bytes_;
  const LazyMemory memory_;

  mutable std::mutex mutex_;
  std::vector<PageId> ring_;  // free_count_ free pages from head_ on, the oldest first
  FreeBits is_free_;
  std::size_t head_ = 0;
  std::size_t free_count_;
};

}  // namespace

std::unique_ptr<PagePool> make_memory_pool(std::size_t page_count, std::size_t page_bytes) {
  return std::make_unique<MemoryPool>(page_count, page_bytes);
}

}  // namespace radixbench

#pragma once

#include "base/ids.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace radixbench {

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

// The ids of a pool, as PagePool hands them out: first in, first out. From any thread.
class PageRing {
 public:
  explicit PageRing(std::size_t page_count);

  [[nodiscard]] std::size_t page_count() const { return ring_.size(); }
  [[nodiscard]] std::size_t free_count() const;
  [[nodiscard]] bool take(std::size_t count, std::vector<PageId>& pages);
  void give_back(std::span<const PageId> pages);

 private:
  [[nodiscard]] std::size_t wrapped(std::size_t position) const {
    return position >= ring_.size() ? position - ring_.size() : position;
  }
  void hand_out(std::size_t first, std::size_t count, std::vector<PageId>& pages);

  mutable std::mutex mutex_;
  std::vector<PageId> ring_;  // free_count_ free pages from head_ on, the oldest first
  FreeBits is_free_;
  std::size_t head_ = 0;
  std::size_t free_count_;
};

}  // namespace radixbench

#include "tier/page_ring.h"

#include "base/check.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace radixbench {

PageRing::PageRing(std::size_t page_count)
    : ring_(page_count), is_free_{page_count}, free_count_{page_count} {
  // An id has 32 bits.
  RADIXBENCH_CHECK(page_count <= std::size_t{std::numeric_limits<PageId>::max()} + 1);
  std::iota(ring_.begin(), ring_.end(), PageId{0});
}

std::size_t PageRing::free_count() const {
  const std::lock_guard lock{mutex_};
  return free_count_;
}

bool PageRing::take(std::size_t count, std::vector<PageId>& pages) {
  const std::lock_guard lock{mutex_};
  if (count > free_count_) return false;
  const std::size_t before_wrap = std::min(count, ring_.size() - head_);
  hand_out(head_, before_wrap, pages);
  hand_out(0, count - before_wrap, pages);
  head_ = before_wrap < count ? count - before_wrap : wrapped(head_ + count);
  free_count_ -= count;
  return true;
}

void PageRing::give_back(std::span<const PageId> pages) {
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

void PageRing::hand_out(std::size_t first, std::size_t count, std::vector<PageId>& pages) {
  const std::span<const PageId> run = std::span{ring_}.subspan(first, count);
  pages.insert(pages.end(), run.begin(), run.end());
  for (const PageId page : run) is_free_.clear(page);
}

}  // namespace radixbench

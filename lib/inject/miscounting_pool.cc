#include "inject/miscounting_pool.h"

#include <atomic>
#include <utility>

namespace radixbench {
namespace {

class MiscountingPool final : public PagePool {
 public:
  MiscountingPool(std::unique_ptr<PagePool> pool, std::uint64_t wrong_count)
      : pool_{std::move(pool)}, wrong_count_{wrong_count} {}

  [[nodiscard]] std::size_t page_count() const override { return pool_->page_count(); }
  [[nodiscard]] std::size_t free_count() const override {
    if (count_count_.fetch_add(1, std::memory_order_relaxed) + 1 == wrong_count_) return 0;
    return pool_->free_count();
  }
  [[nodiscard]] std::size_t page_bytes() const override { return pool_->page_bytes(); }
  [[nodiscard]] bool take(std::size_t count, std::vector<PageId>& pages) override {
    return pool_->take(count, pages);
  }
  void give_back(std::span<const PageId> pages) override { pool_->give_back(pages); }
  [[nodiscard]] std::span<std::byte> payload(PageId page) override { return pool_->payload(page); }

 private:
  const std::unique_ptr<PagePool> pool_;
  const std::uint64_t wrong_count_;
  mutable std::atomic<std::uint64_t> count_count_{0};  // counting is what free_count() does here
};

}  // namespace

std::unique_ptr<PagePool> make_miscounting_pool(std::unique_ptr<PagePool> pool,
                                                std::uint64_t wrong_count) {
  return std::make_unique<MiscountingPool>(std::move(pool), wrong_count);
}

}  // namespace radixbench

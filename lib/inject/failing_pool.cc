#include "inject/failing_pool.h"

#include <atomic>
#include <utility>

namespace radixbench {
namespace {

class FailingPool final : public PagePool {
 public:
  FailingPool(std::unique_ptr<PagePool> pool, std::uint64_t failing_take)
      : pool_{std::move(pool)}, failing_take_{failing_take} {}

  [[nodiscard]] std::size_t page_count() const override { return pool_->page_count(); }
  [[nodiscard]] std::size_t free_count() const override { return pool_->free_count(); }
  [[nodiscard]] std::size_t page_bytes() const override { return pool_->page_bytes(); }
  [[nodiscard]] bool take(std::size_t count, std::vector<PageId>& pages) override {
    if (take_count_.fetch_add(1, std::memory_order_relaxed) + 1 == failing_take_) return false;
    return pool_->take(count, pages);
  }
  void give_back(std::span<const PageId> pages) override { pool_->give_back(pages); }
  [[nodiscard]] std::span<std::byte> payload(PageId page) override { return pool_->payload(page); }

 private:
  const std::unique_ptr<PagePool> pool_;
  const std::uint64_t failing_take_;
  std::atomic<std::uint64_t> take_count_{0};
};

}  // namespace

std::unique_ptr<PagePool> make_failing_pool(std::unique_ptr<PagePool> pool,
                                            std::uint64_t failing_take) {
  return std::make_unique<FailingPool>(std::move(pool), failing_take);
}

}  // namespace radixbench

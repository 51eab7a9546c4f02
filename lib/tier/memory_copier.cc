#include "tier/page_copier.h"

#include "base/check.h"

#include <algorithm>
#include <cstddef>

namespace radixbench {
namespace {

class MemoryCopier final : public PageCopier {
 public:
  MemoryCopier(PagePool& host, PagePool& device) : host_{host}, device_{device} {}

  Result<void> load(std::span<const PageId> host, std::span<const PageId> device) override {
    copy(host_, host, device_, device);
    return {};
  }
  Result<void> save(std::span<const PageId> device, std::span<const PageId> host) override {
    copy(device_, device, host_, host);
    return {};
  }
  Result<void> write(PageId device, std::span<const std::byte> bytes) override {
    std::ranges::copy(bytes, device_.payload(device).begin());
    return {};
  }
  Result<void> read(PageId device, std::span<std::byte> bytes) override {
    std::ranges::copy(device_.payload(device), bytes.begin());
    return {};
  }

 private:
  static void copy(PagePool& from_pool,
                   std::span<const PageId> from,
                   PagePool& to_pool,
                   std::span<const PageId> to) {
    RADIXBENCH_CHECK(from.size() == to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      std::ranges::copy(from_pool.payload(from[i]), to_pool.payload(to[i]).begin());
    }
  }

  PagePool& host_;
  PagePool& device_;
};

}  // namespace

std::unique_ptr<PageCopier> make_memory_copier(PagePool& host, PagePool& device) {
  return std::make_unique<MemoryCopier>(host, device);
}

}  // namespace radixbench

#include "tier/device_cuda.h"

#include "base/check.h"
#include "tier/page_ring.h"

#include <utility>

namespace radixbench {
namespace {

// Ids over memory that somebody else has; without memory that can be reached from here, no payload.
class PlacedPool final : public PagePool {
 public:
  PlacedPool(std::size_t page_count, std::size_t page_bytes, std::byte* memory)
      : page_bytes_{page_bytes}, memory_{memory}, ring_{page_count} {}

  [[nodiscard]] std::size_t page_count() const override { return ring_.page_count(); }
  [[nodiscard]] std::size_t page_bytes() const override { return page_bytes_; }
  [[nodiscard]] std::size_t free_count() const override { return ring_.free_count(); }
  [[nodiscard]] bool take(std::size_t count, std::vector<PageId>& pages) override {
    return ring_.take(count, pages);
  }
  void give_back(std::span<const PageId> pages) override { ring_.give_back(pages); }
  [[nodiscard]] std::span<std::byte> payload(PageId page) override {
    RADIXBENCH_CHECK(page < ring_.page_count());
    if (memory_ == nullptr) return {};
    return {memory_ + page * page_bytes_, page_bytes_};
  }

 private:
  std::size_t page_bytes_;
  std::byte* memory_;
  PageRing ring_;
};

class CudaTier final : public GpuTier {
 public:
  struct Parts {
    GpuMemory device;
    PinnedMemory host;
    std::unique_ptr<PageCopier> copier;
  };
  CudaTier(const Options& options, Parts parts)
      : parts_{std::move(parts)},
        device_{options.device_pages, options.page_bytes, nullptr},
        host_{options.host_pages, options.page_bytes, parts_.host.bytes().data()} {}

  [[nodiscard]] PagePool& device() override { return device_; }
  [[nodiscard]] PagePool& host() override { return host_; }
  [[nodiscard]] PageCopier& copier() override { return *parts_.copier; }

 private:
  Parts parts_;
  PlacedPool device_;
  PlacedPool host_;
};

}  // namespace

Result<std::unique_ptr<GpuTier>> GpuTier::create(std::shared_ptr<const Gpu> gpu,
                                                 const Options& options) {
  RADIXBENCH_CHECK(options.layers > 0 && options.page_bytes % options.layers == 0);
  const PageShape device{.order = options.device_order,
                         .page_count = options.device_pages,
                         .layers = options.layers,
                         .slice_bytes = options.page_bytes / options.layers};
  PageShape host = device;
  host.order = PageOrder::kPageFirst;
  host.page_count = options.host_pages;
  Result<GpuMemory> device_memory = GpuMemory::allocate(gpu, device.bytes());
  if (!device_memory) return tl::unexpected(device_memory.error());
  Result<PinnedMemory> host_memory = PinnedMemory::allocate(gpu, host.bytes());
  if (!host_memory) return tl::unexpected(host_memory.error());
  const GpuCopyEnds ends{.host = host_memory->bytes().data(),
                         .host_shape = host,
                         .device = device_memory->address(),
                         .device_shape = device};
  Result<std::unique_ptr<PageCopier>> copier =
      make_gpu_copier(std::move(gpu), ends, options.method);
  if (!copier) return tl::unexpected(copier.error());
  return std::unique_ptr<GpuTier>{std::make_unique<CudaTier>(
      options,
      CudaTier::Parts{*std::move(device_memory), *std::move(host_memory), *std::move(copier)})};
}

}  // namespace radixbench

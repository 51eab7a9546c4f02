#pragma once

#include "base/gpu.h"
#include "base/result.h"
#include "tier/copy_plan.h"
#include "tier/page_copier.h"
#include "tier/page_pool.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace radixbench {

// How rows that lie apart are moved. Pitched: the copy engine's copies of rows at equal distances.
// Batched: all rows of a copy in one call of the driver. Kernel: by the GPU's processors, which
// reach pinned memory by themselves; long pieces are left to the copy engine.
enum class CopyMethod : std::uint8_t { kPitched, kBatched, kKernel };
std::string_view to_string(CopyMethod method);
Result<CopyMethod> parse_copy_method(std::string_view text);

// Both ends of a GPU's copies: page-locked memory of the host and memory of the GPU.
struct GpuCopyEnds {
  std::byte* host = nullptr;
  PageShape host_shape;
  CudaAddress device = 0;
  PageShape device_shape;
};

// Copies on streams of its own, one a direction, over when an event behind them is. kUnsupported
// for a method that driver or build lacks.
Result<std::unique_ptr<PageCopier>> make_gpu_copier(std::shared_ptr<const Gpu> gpu,
                                                    const GpuCopyEnds& ends,
                                                    CopyMethod method);

// Pages in GPU memory, pages in pinned memory of the host, and what moves them.
class GpuTier {
 public:
  struct Options {
    std::size_t device_pages = 0;
    std::size_t host_pages = 0;
    std::size_t layers = 1;
    std::size_t page_bytes = 0;  // a multiple of layers
    PageOrder device_order = PageOrder::kLayerFirst;
    CopyMethod method = CopyMethod::kPitched;
  };

  // kCannotCreate where there is too little memory of either kind.
  static Result<std::unique_ptr<GpuTier>> create(std::shared_ptr<const Gpu> gpu,
                                                 const Options& options);
  virtual ~GpuTier() = default;
  GpuTier(const GpuTier&) = delete;
  GpuTier& operator=(const GpuTier&) = delete;

  // Its payloads are the GPU's: nobody here can reach them, and they are shown as empty.
  [[nodiscard]] virtual PagePool& device() = 0;
  [[nodiscard]] virtual PagePool& host() = 0;  // page first
  [[nodiscard]] virtual PageCopier& copier() = 0;

 protected:
  GpuTier() = default;
};

}  // namespace radixbench

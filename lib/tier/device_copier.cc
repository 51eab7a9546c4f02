#include "tier/device_cuda.h"

#include "base/check.h"
#include "base/clock.h"
#include "tier/device_copy_rows.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// From a copy that is merely slow to a GPU that does not come back: 64 GiB take 1.3 s.
constexpr auto kCopyWait = 60s;

// The copy engine needs no help with pieces from here on (docs/performance.md).
constexpr std::size_t kLongPieceBytes = std::size_t{1} << 20U;

constexpr unsigned kKernelBlocks = 64;
constexpr unsigned kKernelThreads = 256;
constexpr std::size_t kKernelWordBytes = 16;
constexpr int kAttributePitchMax = 11;

enum class Direction : std::uint8_t { kLoad, kSave };

// As copy_rows has it.
struct Row {
  CudaAddress from;
  CudaAddress to;
};

// The kernel, where the build has it and the driver takes it.
class RowKernel {
 public:
  static Result<std::unique_ptr<RowKernel>> load(std::shared_ptr<const Gpu> gpu) {
    if (kCopyRowsPtx[0] == '\0') {
      return fail(ErrorCode::kUnsupported,
                  "this build has no kernel: it was made without a CUDA toolkit");
    }
    auto kernel = std::unique_ptr<RowKernel>{new RowKernel{std::move(gpu)}};
    const CudaDriver& cuda = kernel->gpu_->driver();
    for (const CudaStatus status :
         {cuda.load_module(&kernel->module_, kCopyRowsPtx),
          kernel->module_ == nullptr
              ? kCudaFine
              : cuda.function_of(&kernel->function_, kernel->module_, "copy_rows")}) {
      if (status == kCudaFine) continue;
      return tl::unexpected(to_error(cuda, status, "loading the kernel", ErrorCode::kUnsupported));
    }
    return kernel;
  }
  ~RowKernel() {
    if (module_ != nullptr) static_cast<void>(gpu_->driver().unload_module(module_));
  }
  RowKernel(const RowKernel&) = delete;
  RowKernel& operator=(const RowKernel&) = delete;

  // `rows` is read by the GPU, and must stay until the launch is over.
  Result<void> launch(std::span<const Row> rows, std::size_t width, CudaStream stream) const {
    const Row* first = rows.data();
    auto count = static_cast<unsigned>(rows.size());
    auto words = static_cast<unsigned>(width / kKernelWordBytes);
    std::array<void*, 3> parameters{&first, &count, &words};
    return gpu_->check(gpu_->driver().launch(function_,
                                             kKernelBlocks,
                                             1,
                                             1,
                                             kKernelThreads,
                                             1,
                                             1,
                                             0,
                                             stream,
                                             parameters.data(),
                                             nullptr),
                       "launching the kernel");
  }

 private:
  explicit RowKernel(std::shared_ptr<const Gpu> gpu) : gpu_{std::move(gpu)} {}

  std::shared_ptr<const Gpu> gpu_;
  CudaModule module_ = nullptr;
  CudaFunction function_ = nullptr;
};

// A direction's stream, and what it needs to keep until its copies are over.
class Lane {
 public:
  Lane(std::shared_ptr<const Gpu> gpu, GpuQueue queue, Direction direction, GpuCopyEnds ends)
      : gpu_{std::move(gpu)}, queue_{std::move(queue)}, direction_{direction}, ends_{ends} {}

  Result<void> copy_pitched(std::span<const CopyBlock> blocks) {
    for (const CopyBlock& block : blocks) {
      Result<void> copied = block.height == 1 ? copy_piece(block) : copy_rows(block);
      if (!copied) return copied;
    }
    return {};
  }

  Result<void> copy_batched(std::span<const CopyBlock> blocks) {
    to_.clear();
    from_.clear();
    bytes_.clear();
    for_each_row(blocks, [&](const Row& row, std::size_t width) {
      from_.push_back(row.from);
      to_.push_back(row.to);
      bytes_.push_back(width);
    });
    if (bytes_.empty()) return {};
    CudaCopyAttributes attributes;
    std::size_t first = 0;
    return gpu_->check(gpu_->driver().copy_batch(to_.data(),
                                                 from_.data(),
                                                 bytes_.data(),
                                                 bytes_.size(),
                                                 &attributes,
                                                 &first,
                                                 1,
                                                 queue_.stream()),
                       "copying a batch");
  }

  // Rows of one width by the kernel, all else by the copy engine.
  Result<void> copy_by_kernel(std::span<const CopyBlock> blocks, const RowKernel& kernel) {
    std::vector<CopyBlock> rest;
    std::vector<Row> rows;
    std::size_t width = 0;
    for (const CopyBlock& block : blocks) {
      const bool is_short = block.width < kLongPieceBytes && block.width % kKernelWordBytes == 0 &&
                            (width == 0 || width == block.width);
      if (!is_short) {
        rest.push_back(block);
        continue;
      }
      width = block.width;
      for_each_row(std::span{&block, 1}, [&](const Row& row, std::size_t) { rows.push_back(row); });
    }
    if (Result<void> copied = copy_pitched(rest); !copied || rows.empty()) return copied;
    const Result<std::span<const Row>> pinned = pin(rows);
    if (!pinned) return tl::unexpected(pinned.error());
    return kernel.launch(*pinned, width, queue_.stream());
  }

  // Until all of it is there.
  Result<void> finish() {
    if (Result<void> marked = queue_.mark(); !marked) return marked;
    const Deadline deadline = deadline_after(kCopyWait);
    const std::int64_t start_ns = monotonic_ns();
    while (true) {
      const Result<bool> done = queue_.is_done();
      if (!done) return tl::unexpected(done.error());
      if (*done) return {};
      if (has_passed(deadline)) {
        return fail(ErrorCode::kTimeout, "a copy to or from the GPU did not end within 60 s");
      }
      constexpr std::int64_t kYieldNs = 200'000;
      if (monotonic_ns() - start_ns < kYieldNs) {
        sched_yield();
      } else {
        std::this_thread::sleep_for(20us);
      }
    }
  }

 private:
  [[nodiscard]] CudaAddress host_address(std::size_t offset) const {
    return reinterpret_cast<CudaAddress>(ends_.host + offset);
  }

  template <typename Take>
  void for_each_row(std::span<const CopyBlock> blocks, Take take) const {
    for (const CopyBlock& block : blocks) {
      for (std::size_t row = 0; row < block.height; ++row) {
        const CudaAddress host = host_address(block.host_offset + row * block.host_pitch);
        const CudaAddress device = ends_.device + block.device_offset + row * block.device_pitch;
        take(direction_ == Direction::kLoad ? Row{host, device} : Row{device, host}, block.width);
      }
    }
  }

  Result<void> copy_piece(const CopyBlock& block) {
    const std::span<std::byte> host{ends_.host + block.host_offset, block.width};
    const CudaAddress device = ends_.device + block.device_offset;
    return direction_ == Direction::kLoad ? queue_.copy(device, std::as_bytes(host))
                                          : queue_.copy(host, device);
  }

  Result<void> copy_rows(const CopyBlock& block) {
    CudaCopy2d copy;
    std::byte* const host = ends_.host + block.host_offset;
    const CudaAddress device = ends_.device + block.device_offset;
    const bool is_load = direction_ == Direction::kLoad;
    copy.from_type = is_load ? kCudaMemoryHost : kCudaMemoryDevice;
    copy.to_type = is_load ? kCudaMemoryDevice : kCudaMemoryHost;
    copy.from_host = is_load ? host : nullptr;
    copy.to_host = is_load ? nullptr : host;
    copy.from_device = is_load ? 0 : device;
    copy.to_device = is_load ? device : 0;
    copy.from_pitch = is_load ? block.host_pitch : block.device_pitch;
    copy.to_pitch = is_load ? block.device_pitch : block.host_pitch;
    copy.width = block.width;
    copy.height = block.height;
    return queue_.copy(copy);
  }

  // The rows in memory that the GPU reads. What an earlier copy left there is over by now.
  Result<std::span<const Row>> pin(std::span<const Row> rows) {
    if (!pinned_ || pinned_->bytes().size() < rows.size_bytes()) {
      pinned_.reset();
      Result<PinnedMemory> memory = PinnedMemory::allocate(gpu_, 2 * rows.size_bytes());
      if (!memory) return tl::unexpected(memory.error());
      pinned_.emplace(*std::move(memory));
    }
    std::memcpy(pinned_->bytes().data(), rows.data(), rows.size_bytes());
    return std::span{reinterpret_cast<const Row*>(pinned_->bytes().data()), rows.size()};
  }

  std::shared_ptr<const Gpu> gpu_;
  GpuQueue queue_;
  Direction direction_;
  GpuCopyEnds ends_;
  std::optional<PinnedMemory> pinned_;
  std::vector<CudaAddress> to_;
  std::vector<CudaAddress> from_;
  std::vector<std::size_t> bytes_;
};

class GpuCopier final : public PageCopier {
 public:
  struct Parts {
    std::unique_ptr<Lane> load;
    std::unique_ptr<Lane> save;
    std::unique_ptr<RowKernel> kernel;
    std::optional<PinnedMemory> page;  // for one page that somebody writes or reads
    std::unique_ptr<Lane> page_load;
    std::unique_ptr<Lane> page_save;
    std::size_t pitch_max = 0;
  };

  GpuCopier(std::shared_ptr<const Gpu> gpu, GpuCopyEnds ends, CopyMethod method, Parts parts)
      : gpu_{std::move(gpu)}, ends_{ends}, method_{method}, parts_{std::move(parts)} {}

  Result<void> load(std::span<const PageId> host, std::span<const PageId> device) override {
    return copy(*parts_.load, host, device);
  }
  Result<void> save(std::span<const PageId> device, std::span<const PageId> host) override {
    return copy(*parts_.save, host, device);
  }

  Result<void> write(PageId device, std::span<const std::byte> bytes) override {
    const std::lock_guard lock{page_mutex_};
    RADIXBENCH_CHECK(bytes.size() == ends_.device_shape.page_bytes());
    std::ranges::copy(bytes, parts_.page->bytes().begin());
    return copy_page(*parts_.page_load, device);
  }
  Result<void> read(PageId device, std::span<std::byte> bytes) override {
    const std::lock_guard lock{page_mutex_};
    RADIXBENCH_CHECK(bytes.size() == ends_.device_shape.page_bytes());
    Result<void> copied = copy_page(*parts_.page_save, device);
    if (copied) std::copy_n(parts_.page->bytes().begin(), bytes.size(), bytes.begin());
    return copied;
  }

 private:
  Result<void> copy(Lane& lane, std::span<const PageId> host, std::span<const PageId> device) {
    if (Result<void> current = gpu_->make_current(); !current) return current;
    const std::vector<CopyBlock> blocks =
        plan_copies(ends_.host_shape, ends_.device_shape, host, device, parts_.pitch_max);
    Result<void> begun;
    switch (method_) {
      case CopyMethod::kPitched: begun = lane.copy_pitched(blocks); break;
      case CopyMethod::kBatched: begun = lane.copy_batched(blocks); break;
      case CopyMethod::kKernel: begun = lane.copy_by_kernel(blocks, *parts_.kernel); break;
    }
    if (!begun) return begun;
    return lane.finish();
  }

  // Between the staged page, the only one of its tier, and a page of the GPU.
  Result<void> copy_page(Lane& lane, PageId device) {
    if (Result<void> current = gpu_->make_current(); !current) return current;
    PageShape one = ends_.device_shape;
    one.order = PageOrder::kPageFirst;
    one.page_count = 1;
    const std::array<PageId, 1> staged{0};
    const std::array<PageId, 1> page{device};
    const std::vector<CopyBlock> blocks =
        plan_copies(one, ends_.device_shape, staged, page, parts_.pitch_max);
    if (Result<void> begun = lane.copy_pitched(blocks); !begun) return begun;
    return lane.finish();
  }

  std::shared_ptr<const Gpu> gpu_;
  GpuCopyEnds ends_;
  CopyMethod method_;
  Parts parts_;
  std::mutex page_mutex_;
};

Result<std::unique_ptr<Lane>> make_lane(const std::shared_ptr<const Gpu>& gpu,
                                        Direction direction,
                                        const GpuCopyEnds& ends) {
  Result<GpuQueue> queue = GpuQueue::create(gpu);
  if (!queue) return tl::unexpected(queue.error());
  return std::make_unique<Lane>(gpu, *std::move(queue), direction, ends);
}

Result<void> make_lanes(const std::shared_ptr<const Gpu>& gpu,
                        const GpuCopyEnds& ends,
                        GpuCopier::Parts& parts) {
  Result<PinnedMemory> page = PinnedMemory::allocate(gpu, ends.device_shape.page_bytes());
  if (!page) return tl::unexpected(page.error());
  parts.page.emplace(*std::move(page));
  GpuCopyEnds page_ends = ends;
  page_ends.host = parts.page->bytes().data();
  const auto make =
      [&](std::unique_ptr<Lane>& lane, Direction direction, const GpuCopyEnds& at) -> Result<void> {
    Result<std::unique_ptr<Lane>> made = make_lane(gpu, direction, at);
    if (!made) return tl::unexpected(made.error());
    lane = *std::move(made);
    return {};
  };
  if (Result<void> made = make(parts.load, Direction::kLoad, ends); !made) return made;
  if (Result<void> made = make(parts.save, Direction::kSave, ends); !made) return made;
  if (Result<void> made = make(parts.page_load, Direction::kLoad, page_ends); !made) return made;
  return make(parts.page_save, Direction::kSave, page_ends);
}

}  // namespace

std::string_view to_string(CopyMethod method) {
  switch (method) {
    case CopyMethod::kPitched: return "pitched";
    case CopyMethod::kBatched: return "batched";
    case CopyMethod::kKernel: return "kernel";
  }
  return "unknown";
}

Result<CopyMethod> parse_copy_method(std::string_view text) {
  for (const CopyMethod method :
       {CopyMethod::kPitched, CopyMethod::kBatched, CopyMethod::kKernel}) {
    if (to_string(method) == text) return method;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("copy method '{}' is none of pitched, batched, kernel", text));
}

Result<std::unique_ptr<PageCopier>> make_gpu_copier(std::shared_ptr<const Gpu> gpu,
                                                    const GpuCopyEnds& ends,
                                                    CopyMethod method) {
  GpuCopier::Parts parts;
  if (method == CopyMethod::kBatched && gpu->driver().copy_batch == nullptr) {
    return fail(ErrorCode::kUnsupported, "the driver has no batched copies: CUDA 13 brought them");
  }
  if (method == CopyMethod::kKernel) {
    Result<std::unique_ptr<RowKernel>> kernel = RowKernel::load(gpu);
    if (!kernel) return tl::unexpected(kernel.error());
    parts.kernel = *std::move(kernel);
  }
  if (Result<void> made = make_lanes(gpu, ends, parts); !made) {
    return tl::unexpected(made.error());
  }
  int pitch_max = 0;
  gpu->driver().device_attribute(&pitch_max, kAttributePitchMax, gpu->device());
  parts.pitch_max = static_cast<std::size_t>(std::max(0, pitch_max));
  return std::unique_ptr<PageCopier>{
      std::make_unique<GpuCopier>(std::move(gpu), ends, method, std::move(parts))};
}

}  // namespace radixbench

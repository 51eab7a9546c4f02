#include "base/gpu.h"

#include <fmt/format.h>

#include <array>

namespace radixbench {
namespace {

constexpr int kCapabilityMajor = 75;
constexpr int kCapabilityMinor = 76;

tl::unexpected<Error> unsupported(const CudaDriver& driver,
                                  CudaStatus status,
                                  std::string_view what) {
  return tl::unexpected(to_error(driver, status, what, ErrorCode::kUnsupported));
}

struct Started {
  std::unique_ptr<const CudaDriver> driver;
  int gpu_count = 0;
};

Result<Started> start_cuda(const std::string& library) {
  Result<std::unique_ptr<const CudaDriver>> driver = CudaDriver::load(library);
  if (!driver) return tl::unexpected(driver.error());
  const CudaDriver& cuda = **driver;
  if (const CudaStatus status = cuda.init(0); status != kCudaFine) {
    return unsupported(cuda, status, fmt::format("CUDA ({}) does not start", cuda.path));
  }
  int count = 0;
  if (const CudaStatus status = cuda.device_count(&count); status != kCudaFine) {
    return unsupported(cuda, status, "counting GPUs");
  }
  return Started{*std::move(driver), count};
}

}  // namespace

Result<std::shared_ptr<const Gpu>> Gpu::open(std::uint32_t index, const std::string& library) {
  Result<Started> started = start_cuda(library);
  if (!started) return tl::unexpected(started.error());
  const CudaDriver& cuda = *started->driver;
  if (index >= static_cast<std::uint32_t>(started->gpu_count)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("no GPU {}: CUDA shows {} here", index, started->gpu_count));
  }
  CudaDevice device = 0;
  CudaContext context = nullptr;
  if (const CudaStatus status = cuda.device(&device, static_cast<int>(index));
      status != kCudaFine) {
    return unsupported(cuda, status, fmt::format("GPU {}", index));
  }
  if (const CudaStatus status = cuda.retain_context(&context, device); status != kCudaFine) {
    return unsupported(cuda, status, fmt::format("a context on GPU {}", index));
  }
  const std::shared_ptr<const Gpu> gpu{new Gpu{std::move(started->driver), device, context}};
  if (Result<void> current = gpu->make_current(); !current) return tl::unexpected(current.error());
  return gpu;
}

Gpu::~Gpu() { static_cast<void>(driver_->release_context(device_)); }

Result<void> Gpu::make_current() const {
  return check(driver_->set_context(context_), "making a GPU current");
}

Result<void> Gpu::check(CudaStatus status, std::string_view what) const {
  if (status == kCudaFine) return {};
  return tl::unexpected(to_error(*driver_, status, what));
}

Result<GpuInventory> list_gpus() {
  const Result<Started> started = start_cuda({});
  if (!started) return tl::unexpected(started.error());
  const CudaDriver& cuda = *started->driver;
  GpuInventory inventory;
  cuda.driver_version(&inventory.driver_version);
  for (int index = 0; index < started->gpu_count; ++index) {
    CudaDevice device = 0;
    if (const CudaStatus status = cuda.device(&device, index); status != kCudaFine) {
      return unsupported(cuda, status, fmt::format("GPU {}", index));
    }
    GpuInventory::Entry entry;
    std::array<char, 256> name{};
    cuda.device_name(name.data(), static_cast<int>(name.size()) - 1, device);
    entry.name = name.data();
    cuda.device_memory(&entry.memory_bytes, device);
    cuda.device_attribute(&entry.capability_major, kCapabilityMajor, device);
    cuda.device_attribute(&entry.capability_minor, kCapabilityMinor, device);
    inventory.gpus.push_back(std::move(entry));
  }
  return inventory;
}

Result<GpuMemory> GpuMemory::allocate(std::shared_ptr<const Gpu> gpu, std::size_t bytes) {
  CudaAddress address = 0;
  const CudaStatus status = gpu->driver().allocate(&address, bytes);
  if (status != kCudaFine) {
    return tl::unexpected(to_error(gpu->driver(),
                                   status,
                                   fmt::format("{} bytes on the GPU", bytes),
                                   ErrorCode::kCannotCreate));
  }
  return GpuMemory{std::move(gpu), address};
}

GpuMemory::~GpuMemory() {
  if (address_ == 0) return;
  static_cast<void>(gpu_->make_current());
  static_cast<void>(gpu_->driver().free(address_));
}

Result<PinnedMemory> PinnedMemory::allocate(std::shared_ptr<const Gpu> gpu, std::size_t bytes) {
  void* memory = nullptr;
  const CudaStatus status = gpu->driver().allocate_pinned(&memory, bytes, 0);
  if (status != kCudaFine) {
    return tl::unexpected(to_error(gpu->driver(),
                                   status,
                                   fmt::format("{} bytes of pinned memory", bytes),
                                   ErrorCode::kCannotCreate));
  }
  return PinnedMemory{std::move(gpu), {static_cast<std::byte*>(memory), bytes}};
}

PinnedMemory::~PinnedMemory() {
  if (bytes_.empty()) return;
  static_cast<void>(gpu_->make_current());
  static_cast<void>(gpu_->driver().free_pinned(bytes_.data()));
}

Result<GpuQueue> GpuQueue::create(const std::shared_ptr<const Gpu>& gpu) {
  const CudaDriver& cuda = gpu->driver();
  CudaStream stream = nullptr;
  CudaEvent mark = nullptr;
  if (Result<void> made =
          gpu->check(cuda.create_stream(&stream, kCudaStreamNonBlocking), "making a stream");
      !made) {
    return tl::unexpected(made.error());
  }
  GpuQueue queue{gpu, stream, nullptr};
  if (Result<void> made =
          gpu->check(cuda.create_event(&mark, kCudaEventDisableTiming), "making an event");
      !made) {
    return tl::unexpected(made.error());
  }
  queue.mark_ = mark;
  return queue;
}

GpuQueue::~GpuQueue() {
  if (stream_ == nullptr) return;
  static_cast<void>(gpu_->make_current());
  static_cast<void>(gpu_->driver().destroy_stream(stream_));
  if (mark_ != nullptr) static_cast<void>(gpu_->driver().destroy_event(mark_));
}

Result<void> GpuQueue::copy(CudaAddress to, std::span<const std::byte> from) {
  return gpu_->check(gpu_->driver().copy_to_device(to, from.data(), from.size(), stream_),
                     "copying to the GPU");
}

Result<void> GpuQueue::copy(std::span<std::byte> to, CudaAddress from) {
  return gpu_->check(gpu_->driver().copy_to_host(to.data(), from, to.size(), stream_),
                     "copying from the GPU");
}

Result<void> GpuQueue::copy(const CudaCopy2d& rows) {
  return gpu_->check(gpu_->driver().copy_2d(&rows, stream_), "copying rows");
}

Result<void> GpuQueue::mark() {
  return gpu_->check(gpu_->driver().record_event(mark_, stream_), "marking a stream");
}

Result<bool> GpuQueue::is_done() const {
  const CudaStatus status = gpu_->driver().query_event(mark_);
  if (status == kCudaNotReady) return false;
  if (Result<void> fine = gpu_->check(status, "on the GPU"); !fine) {
    return tl::unexpected(fine.error());
  }
  return true;
}

}  // namespace radixbench

#pragma once

#include "base/cuda_driver.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// One GPU as this process uses it: its primary context, which all libraries of a process share. To
// be opened after the last fork: a child can do nothing with its parent's. From any thread.
class Gpu {
 public:
  // The index-th GPU that CUDA shows this process. kUnsupported where there is no driver or no such
  // GPU, or where it refuses. `driver`: another library than the system's.
  static Result<std::shared_ptr<const Gpu>> open(std::uint32_t index,
                                                 const std::string& driver = {});
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  [[nodiscard]] const CudaDriver& driver() const { return *driver_; }
  [[nodiscard]] CudaDevice device() const { return device_; }
  // Makes it the calling thread's, which must be done before that thread uses it.
  [[nodiscard]] Result<void> make_current() const;
  // Nothing for kCudaFine.
  [[nodiscard]] Result<void> check(CudaStatus status, std::string_view what) const;

 private:
  Gpu(std::unique_ptr<const CudaDriver> driver, CudaDevice device, CudaContext context)
      : driver_{std::move(driver)}, device_{device}, context_{context} {}

  std::unique_ptr<const CudaDriver> driver_;
  CudaDevice device_;
  CudaContext context_;
};

// What CUDA shows of a machine.
struct GpuInventory {
  struct Entry {
    std::string name;
    std::size_t memory_bytes = 0;
    int capability_major = 0;
    int capability_minor = 0;
  };
  int driver_version = 0;  // 13000 is 13.0
  std::vector<Entry> gpus;
};
// Initialises CUDA in this process; never to be done by one that forks afterwards.
Result<GpuInventory> list_gpus();

// Memory of a GPU, which it alone can reach. Freeing waits until the GPU is idle.
class GpuMemory {
 public:
  static Result<GpuMemory> allocate(std::shared_ptr<const Gpu> gpu, std::size_t bytes);
  GpuMemory(GpuMemory&& other) noexcept
      : gpu_{std::move(other.gpu_)}, address_{std::exchange(other.address_, 0)} {}
  GpuMemory& operator=(GpuMemory&&) = delete;
  ~GpuMemory();

  [[nodiscard]] CudaAddress address() const { return address_; }
  // Gives it up without freeing it: for a GPU that will not become idle.
  void leave() { address_ = 0; }

 private:
  GpuMemory(std::shared_ptr<const Gpu> gpu, CudaAddress address)
      : gpu_{std::move(gpu)}, address_{address} {}

  std::shared_ptr<const Gpu> gpu_;
  CudaAddress address_;
};

// Memory of the host that a GPU copies from and to without help: page-locked.
class PinnedMemory {
 public:
  static Result<PinnedMemory> allocate(std::shared_ptr<const Gpu> gpu, std::size_t bytes);
  PinnedMemory(PinnedMemory&& other) noexcept
      : gpu_{std::move(other.gpu_)}, bytes_{std::exchange(other.bytes_, {})} {}
  PinnedMemory& operator=(PinnedMemory&&) = delete;
  ~PinnedMemory();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  void leave() { bytes_ = {}; }

 private:
  PinnedMemory(std::shared_ptr<const Gpu> gpu, std::span<std::byte> bytes)
      : gpu_{std::move(gpu)}, bytes_{bytes} {}

  std::shared_ptr<const Gpu> gpu_;
  std::span<std::byte> bytes_;
};

// Work for a GPU in order, beside all other queues. One thread at a time.
class GpuQueue {
 public:
  static Result<GpuQueue> create(const std::shared_ptr<const Gpu>& gpu);
  GpuQueue(GpuQueue&& other) noexcept
      : gpu_{std::move(other.gpu_)},
        stream_{std::exchange(other.stream_, nullptr)},
        mark_{std::exchange(other.mark_, nullptr)} {}
  GpuQueue& operator=(GpuQueue&&) = delete;
  ~GpuQueue();

  [[nodiscard]] CudaStream stream() const { return stream_; }
  // The host side is to be pinned, or these wait.
  [[nodiscard]] Result<void> copy(CudaAddress to, std::span<const std::byte> from);
  [[nodiscard]] Result<void> copy(std::span<std::byte> to, CudaAddress from);
  [[nodiscard]] Result<void> copy(const CudaCopy2d& rows);
  // Everything up to here.
  [[nodiscard]] Result<void> mark();
  // Whether what was marked last is done; fails where something of it did.
  [[nodiscard]] Result<bool> is_done() const;
  void leave() {
    stream_ = nullptr;
    mark_ = nullptr;
  }

 private:
  GpuQueue(std::shared_ptr<const Gpu> gpu, CudaStream stream, CudaEvent mark)
      : gpu_{std::move(gpu)}, stream_{stream}, mark_{mark} {}

  std::shared_ptr<const Gpu> gpu_;
  CudaStream stream_;
  CudaEvent mark_;
};

}  // namespace radixbench

#include "base/cuda_driver.h"

#include "base/shared_library.h"

#include <fmt/format.h>

#include <array>

namespace radixbench {
namespace {

// Binds one symbol after the other, and keeps the name of the first that is missing.
class Binder {
 public:
  explicit Binder(const SharedLibrary& library) : library_{library} {}

  template <typename Function>
  Binder& need(const char* name, Function*& function) {
    if (!library_.bind(name, function) && missing_ == nullptr) missing_ = name;
    return *this;
  }
  [[nodiscard]] const char* missing() const { return missing_; }

 private:
  const SharedLibrary& library_;
  const char* missing_ = nullptr;
};

// Names with a number are those that the header's macros stand for.
const char* bind_all(const SharedLibrary& library, CudaDriver& driver) {
  Binder binder{library};
  binder.need("cuInit", driver.init)
      .need("cuDriverGetVersion", driver.driver_version)
      .need("cuGetErrorName", driver.error_name)
      .need("cuGetErrorString", driver.error_string)
      .need("cuDeviceGetCount", driver.device_count)
      .need("cuDeviceGet", driver.device)
      .need("cuDeviceGetName", driver.device_name)
      .need("cuDeviceTotalMem_v2", driver.device_memory)
      .need("cuDeviceGetAttribute", driver.device_attribute)
      .need("cuDevicePrimaryCtxRetain", driver.retain_context)
      .need("cuDevicePrimaryCtxRelease_v2", driver.release_context)
      .need("cuCtxSetCurrent", driver.set_context)
      .need("cuStreamCreate", driver.create_stream)
      .need("cuStreamDestroy_v2", driver.destroy_stream)
      .need("cuEventCreate", driver.create_event)
      .need("cuEventDestroy_v2", driver.destroy_event)
      .need("cuEventRecord", driver.record_event)
      .need("cuEventQuery", driver.query_event)
      .need("cuMemAlloc_v2", driver.allocate)
      .need("cuMemFree_v2", driver.free)
      .need("cuMemHostAlloc", driver.allocate_pinned)
      .need("cuMemFreeHost", driver.free_pinned)
      .need("cuMemcpyHtoDAsync_v2", driver.copy_to_device)
      .need("cuMemcpyDtoHAsync_v2", driver.copy_to_host)
      .need("cuMemcpy2DAsync_v2", driver.copy_2d)
      .need("cuModuleLoadData", driver.load_module)
      .need("cuModuleUnload", driver.unload_module)
      .need("cuModuleGetFunction", driver.function_of)
      .need("cuLaunchKernel", driver.launch);
  library.bind("cuMemcpyBatchAsync_v2", driver.copy_batch);
  return binder.missing();
}

}  // namespace

Result<std::unique_ptr<const CudaDriver>> CudaDriver::load(const std::string& library_path) {
  const std::array<std::string, 1> paths{library_path.empty() ? "libcuda.so.1" : library_path};
  Result<SharedLibrary> library = SharedLibrary::open(paths);
  if (!library) {
    return tl::unexpected(std::move(library.error()).while_doing("no CUDA driver"));
  }
  auto driver = std::make_unique<CudaDriver>();
  driver->path = library->path();
  if (const char* const missing = bind_all(*library, *driver)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("the CUDA driver {} is too old: it has no {}", driver->path, missing));
  }
  return std::unique_ptr<const CudaDriver>{std::move(driver)};
}

Error to_error(const CudaDriver& driver, CudaStatus status, std::string_view what, ErrorCode code) {
  const char* name = nullptr;
  const char* text = nullptr;
  driver.error_name(status, &name);
  driver.error_string(status, &text);
  return {code,
          fmt::format("{}: {} ({})",
                      what,
                      name == nullptr ? std::to_string(status) : name,
                      text == nullptr ? "no text" : text)};
}

}  // namespace radixbench

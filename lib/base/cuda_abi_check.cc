// Holds cuda_driver.h against the toolkit's own header. Compiled where there is one, and holds no
// code: what differs does not compile.

#include "base/cuda_driver.h"

#include <cuda.h>

#include <cstddef>
#include <type_traits>

namespace radixbench {
namespace {

static_assert(sizeof(CudaStatus) == sizeof(CUresult));
static_assert(std::is_same_v<CudaDevice, CUdevice>);
static_assert(std::is_same_v<CudaAddress, CUdeviceptr>);
static_assert(kCudaFine == CUDA_SUCCESS && kCudaNotReady == CUDA_ERROR_NOT_READY);
static_assert(kCudaStreamNonBlocking == CU_STREAM_NON_BLOCKING);
static_assert(kCudaEventDisableTiming == CU_EVENT_DISABLE_TIMING);

// The same function with our names for its types: status, handles and pointers to them.
template <typename Type>
struct Ours {
  using Is = Type;
};
template <>
struct Ours<CUresult> {
  using Is = CudaStatus;
};
template <>
struct Ours<CUdevice_attribute> {
  using Is = int;
};
template <>
struct Ours<CUcontext> {
  using Is = CudaContext;
};
template <>
struct Ours<CUstream> {
  using Is = CudaStream;
};
template <>
struct Ours<CUevent> {
  using Is = CudaEvent;
};
template <>
struct Ours<CUmodule> {
  using Is = CudaModule;
};
template <>
struct Ours<CUfunction> {
  using Is = CudaFunction;
};
template <>
struct Ours<CUDA_MEMCPY2D> {
  using Is = CudaCopy2d;
};
template <typename Type>
struct Ours<const Type> {
  using Is = const typename Ours<Type>::Is;
};
template <typename Type>
struct Ours<Type*> {
  using Is = typename Ours<Type>::Is*;
};
template <typename Answer, typename... Arguments>
struct Ours<Answer(Arguments...)> {
  using Is = typename Ours<Answer>::Is (*)(typename Ours<Arguments>::Is...);
};

#define RADIXBENCH_SAME(theirs, ours) \
  static_assert(std::is_same_v<Ours<decltype(theirs)>::Is, decltype(CudaDriver::ours)>)

RADIXBENCH_SAME(cuInit, init);
RADIXBENCH_SAME(cuDriverGetVersion, driver_version);
RADIXBENCH_SAME(cuDeviceGetCount, device_count);
RADIXBENCH_SAME(cuDeviceGet, device);
RADIXBENCH_SAME(cuDeviceGetName, device_name);
RADIXBENCH_SAME(cuDeviceTotalMem, device_memory);
RADIXBENCH_SAME(cuDeviceGetAttribute, device_attribute);
RADIXBENCH_SAME(cuDevicePrimaryCtxRetain, retain_context);
RADIXBENCH_SAME(cuDevicePrimaryCtxRelease, release_context);
RADIXBENCH_SAME(cuCtxSetCurrent, set_context);
RADIXBENCH_SAME(cuStreamCreate, create_stream);
RADIXBENCH_SAME(cuStreamDestroy, destroy_stream);
RADIXBENCH_SAME(cuEventCreate, create_event);
RADIXBENCH_SAME(cuEventDestroy, destroy_event);
RADIXBENCH_SAME(cuEventRecord, record_event);
RADIXBENCH_SAME(cuEventQuery, query_event);
RADIXBENCH_SAME(cuMemAlloc, allocate);
RADIXBENCH_SAME(cuMemFree, free);
RADIXBENCH_SAME(cuMemHostAlloc, allocate_pinned);
RADIXBENCH_SAME(cuMemFreeHost, free_pinned);
RADIXBENCH_SAME(cuMemcpyHtoDAsync, copy_to_device);
RADIXBENCH_SAME(cuMemcpyDtoHAsync, copy_to_host);
RADIXBENCH_SAME(cuMemcpy2DAsync, copy_2d);
RADIXBENCH_SAME(cuModuleLoadData, load_module);
RADIXBENCH_SAME(cuModuleUnload, unload_module);
RADIXBENCH_SAME(cuModuleGetFunction, function_of);
RADIXBENCH_SAME(cuLaunchKernel, launch);

#define RADIXBENCH_SAME_PLACE(ours, theirs) \
  static_assert(offsetof(CudaCopy2d, ours) == offsetof(CUDA_MEMCPY2D, theirs))
static_assert(sizeof(CudaCopy2d) == sizeof(CUDA_MEMCPY2D));
RADIXBENCH_SAME_PLACE(from_type, srcMemoryType);
RADIXBENCH_SAME_PLACE(from_host, srcHost);
RADIXBENCH_SAME_PLACE(from_device, srcDevice);
RADIXBENCH_SAME_PLACE(from_pitch, srcPitch);
RADIXBENCH_SAME_PLACE(to_type, dstMemoryType);
RADIXBENCH_SAME_PLACE(to_host, dstHost);
RADIXBENCH_SAME_PLACE(to_device, dstDevice);
RADIXBENCH_SAME_PLACE(to_pitch, dstPitch);
RADIXBENCH_SAME_PLACE(width, WidthInBytes);
RADIXBENCH_SAME_PLACE(height, Height);
static_assert(kCudaMemoryHost == CU_MEMORYTYPE_HOST && kCudaMemoryDevice == CU_MEMORYTYPE_DEVICE);
#if CUDA_VERSION >= 12080
static_assert(sizeof(CudaCopyAttributes) == sizeof(CUmemcpyAttributes));
static_assert(offsetof(CudaCopyAttributes, flags) == offsetof(CUmemcpyAttributes, flags));
static_assert(CudaCopyAttributes{}.access_order == CU_MEMCPY_SRC_ACCESS_ORDER_STREAM);
#endif

}  // namespace
}  // namespace radixbench

#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace radixbench {

// What is used of CUDA's driver interface, declared here as <cuda.h> has it, so that this compiles
// where no toolkit is and starts where no driver is. lib/base/cuda_abi_check.cc holds these lines
// against the real header where there is one.
using CudaStatus = int;                  // CUresult
using CudaDevice = int;                  // CUdevice
using CudaAddress = unsigned long long;  // CUdeviceptr; NOLINT(google-runtime-int)
using CudaContext = struct OpaqueCudaContext*;
using CudaStream = struct OpaqueCudaStream*;
using CudaEvent = struct OpaqueCudaEvent*;
using CudaModule = struct OpaqueCudaModule*;
using CudaFunction = struct OpaqueCudaFunction*;

constexpr CudaStatus kCudaFine = 0;
constexpr CudaStatus kCudaNotReady = 600;
constexpr unsigned kCudaStreamNonBlocking = 1;
constexpr unsigned kCudaEventDisableTiming = 2;

constexpr int kCudaMemoryHost = 1;
constexpr int kCudaMemoryDevice = 2;

// CUDA_MEMCPY2D: rows of `width` bytes.
struct CudaCopy2d {
  std::size_t from_x = 0;
  std::size_t from_y = 0;
  int from_type = kCudaMemoryHost;
  const void* from_host = nullptr;
  CudaAddress from_device = 0;
  void* from_array = nullptr;
  std::size_t from_pitch = 0;
  std::size_t to_x = 0;
  std::size_t to_y = 0;
  int to_type = kCudaMemoryHost;
  void* to_host = nullptr;
  CudaAddress to_device = 0;
  void* to_array = nullptr;
  std::size_t to_pitch = 0;
  std::size_t width = 0;
  std::size_t height = 0;
};

// CUmemcpyAttributes: sources are read in the order of the stream.
struct CudaCopyAttributes {
  int access_order = 1;
  int from_location[2] = {0, 0};
  int to_location[2] = {0, 0};
  unsigned flags = 0;
};

// The driver's functions.
struct CudaDriver {
  // `library`, or libcuda.so.1 where that is empty. kUnsupported where it is missing or too old.
  static Result<std::unique_ptr<const CudaDriver>> load(const std::string& library = {});

  std::string path;

  CudaStatus (*init)(unsigned flags);
  CudaStatus (*driver_version)(int* version);
  CudaStatus (*error_name)(CudaStatus status, const char** name);
  CudaStatus (*error_string)(CudaStatus status, const char** text);
  CudaStatus (*device_count)(int* count);
  CudaStatus (*device)(CudaDevice* device, int index);
  CudaStatus (*device_name)(char* name, int size, CudaDevice device);
  CudaStatus (*device_memory)(std::size_t* bytes, CudaDevice device);
  CudaStatus (*device_attribute)(int* value, int attribute, CudaDevice device);
  CudaStatus (*retain_context)(CudaContext* context, CudaDevice device);
  CudaStatus (*release_context)(CudaDevice device);
  CudaStatus (*set_context)(CudaContext context);
  CudaStatus (*create_stream)(CudaStream* stream, unsigned flags);
  CudaStatus (*destroy_stream)(CudaStream stream);
  CudaStatus (*create_event)(CudaEvent* event, unsigned flags);
  CudaStatus (*destroy_event)(CudaEvent event);
  CudaStatus (*record_event)(CudaEvent event, CudaStream stream);
  CudaStatus (*query_event)(CudaEvent event);
  CudaStatus (*allocate)(CudaAddress* address, std::size_t bytes);
  CudaStatus (*free)(CudaAddress address);
  CudaStatus (*allocate_pinned)(void** memory, std::size_t bytes, unsigned flags);
  CudaStatus (*free_pinned)(void* memory);
  CudaStatus (*copy_to_device)(CudaAddress to, const void* from, std::size_t n, CudaStream stream);
  CudaStatus (*copy_to_host)(void* to, CudaAddress from, std::size_t bytes, CudaStream stream);
  CudaStatus (*copy_2d)(const CudaCopy2d* copy, CudaStream stream);
  CudaStatus (*load_module)(CudaModule* module, const void* image);
  CudaStatus (*unload_module)(CudaModule module);
  CudaStatus (*function_of)(CudaFunction* function, CudaModule module, const char* name);
  CudaStatus (*launch)(CudaFunction function,
                       unsigned grid_x,
                       unsigned grid_y,
                       unsigned grid_z,
                       unsigned block_x,
                       unsigned block_y,
                       unsigned block_z,
                       unsigned shared_bytes,
                       CudaStream stream,
                       void** parameters,
                       void** extra);
  // Null in drivers before CUDA 13.
  CudaStatus (*copy_batch)(CudaAddress* to,
                           CudaAddress* from,
                           std::size_t* bytes,
                           std::size_t count,
                           CudaCopyAttributes* attributes,
                           std::size_t* attribute_firsts,
                           std::size_t attribute_count,
                           CudaStream stream);
};

// "what: CUDA_ERROR_OUT_OF_MEMORY (out of memory)", as `code`.
Error to_error(const CudaDriver& driver,
               CudaStatus status,
               std::string_view what,
               ErrorCode code = ErrorCode::kIo);

}  // namespace radixbench

#pragma once

#include "base/gpu.h"
#include "base/result.h"

#include <string>

namespace radixbench {

struct NcclFound {
  std::string path;
  int version = 0;
};

// What GPU work this machine can do, or why it cannot.
struct GpuSupport {
  Result<GpuInventory> gpus;
  Result<NcclFound> nccl;
};

// Asked in a process of its own, so that the calling one stays free to fork ranks that use CUDA. To
// be called before that has a second thread. At most some tens of seconds, on a machine with many
// GPUs that nobody uses.
GpuSupport probe_gpu_support();

}  // namespace radixbench

#pragma once

#include "base/cuda_driver.h"
#include "base/result.h"

#include <climits>
#include <cstddef>
#include <memory>
#include <string>

namespace radixbench {

// What is used of NCCL, declared here as <nccl.h> has it, for the reasons that cuda_driver.h has;
// nccl_abi_check.cc holds it against the real header where there is one.
using NcclStatus = int;    // ncclResult_t
using NcclType = int;      // ncclDataType_t
using NcclReduceOp = int;  // ncclRedOp_t
using NcclComm = struct OpaqueNcclComm*;

constexpr NcclStatus kNcclFine = 0;
constexpr NcclStatus kNcclRemoteError = 6;
constexpr NcclStatus kNcclInProgress = 7;
constexpr NcclType kNcclInt32 = 2;
constexpr NcclType kNcclInt64 = 4;
constexpr NcclReduceOp kNcclSum = 0;
constexpr NcclReduceOp kNcclMax = 2;
constexpr NcclReduceOp kNcclMin = 3;
constexpr int kNcclUnset = INT_MIN;
constexpr int kNcclNoColor = -1;

struct NcclUniqueId {
  char bytes[128];
};

// As of 2.28. An older library reads as much of it as it knows, by size and version.
struct NcclConfig {
  std::size_t size = sizeof(NcclConfig);
  unsigned magic = 0xcafebeef;
  unsigned version = 22809;
  int blocking = kNcclUnset;
  int cga_cluster_size = kNcclUnset;
  int min_ctas = kNcclUnset;
  int max_ctas = kNcclUnset;
  const char* net_name = nullptr;
  int split_share = kNcclUnset;
  int traffic_class = kNcclUnset;
  const char* comm_name = nullptr;
  int collnet_enable = kNcclUnset;
  int cta_policy = kNcclUnset;
  int shrink_share = kNcclUnset;
  int nvls_ctas = kNcclUnset;
  int channels_per_net_peer = kNcclUnset;
  int nvlink_centric = kNcclUnset;
};

// NCCL as it was found on this machine. Loading it starts nothing.
struct NcclLibrary {
  // `library`, or RADIXBENCH_NCCL_LIBRARY, and nothing else where either is given; otherwise the
  // loader's own search, then CUDA's folder, then the places in which wheels for Python leave it,
  // those of the python3 on the PATH first. kUnsupported where it is in none of them, or too old.
  static Result<std::unique_ptr<const NcclLibrary>> load(const std::string& library = {});

  std::string path;
  int version = 0;  // 22809 is 2.28.9

  NcclStatus (*get_version)(int* version);
  NcclStatus (*get_unique_id)(NcclUniqueId* id);
  NcclStatus (*init)(NcclComm* comm, int ranks, NcclUniqueId id, int rank, NcclConfig* config);
  NcclStatus (*split)(NcclComm comm, int color, int key, NcclComm* child, NcclConfig* config);
  NcclStatus (*finalize)(NcclComm comm);
  NcclStatus (*destroy)(NcclComm comm);
  NcclStatus (*abort)(NcclComm comm);
  NcclStatus (*async_error)(NcclComm comm, NcclStatus* status);
  const char* (*error_string)(NcclStatus status);
  const char* (*last_error)(NcclComm comm);
  NcclStatus (*all_reduce)(const void* from,
                           void* to,
                           std::size_t count,
                           NcclType type,
                           NcclReduceOp op,
                           NcclComm comm,
                           CudaStream stream);
  NcclStatus (*broadcast)(const void* from,
                          void* to,
                          std::size_t count,
                          NcclType type,
                          int root,
                          NcclComm comm,
                          CudaStream stream);
  NcclStatus (*all_gather)(const void* from,
                           void* to,
                           std::size_t count,
                           NcclType type,
                           NcclComm comm,
                           CudaStream stream);
};

// 2.28.9
std::string nccl_version_text(int version);

}  // namespace radixbench

#pragma once

#include "comm/nccl_communicator.h"
#include "comm/world.h"

#include <cstdint>
#include <memory>
#include <string>

namespace radixbench {

struct NcclOptions {
  // Several ranks on one GPU: each process poses as a host of its own (NCCL_HOSTID) and they meet
  // over loopback. Their contexts take turns on the GPU, so times mean nothing.
  bool shares_gpu = false;
  std::uint32_t gpu_count = 1;  // rank r takes GPU r modulo this
  NcclCreation creation = NcclCreation::kSplit;
  // Others than those that are found.
  std::string driver_library;
  std::string nccl_library;
};

// A world whose groups are NCCL communicators. Its ranks are processes forked from who made it, on
// one host, and they alone touch CUDA. Beside NCCL they share memory without a name, in which each
// notes which call it makes: from it who is missing, died or gave up is known, which NCCL tells
// nobody. No data goes that way, and no call waits for it.
//
// What differs from the other transports: members that come with different lengths, types,
// operators or roots get what NCCL makes of it, wrong values and waits to the deadline included.
class NcclWorld : public World {
 public:
  // kInvalidArgument and kCannotCreate as for ShmWorld. What a rank's GPU or NCCL refuses fails its
  // first open().
  static Result<std::unique_ptr<NcclWorld>> create(Rank world_size, const NcclOptions& options);
};

}  // namespace radixbench

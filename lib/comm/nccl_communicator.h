#pragma once

#include "comm/communicator.h"
#include "comm/nccl_board.h"
#include "comm/nccl_handle.h"

#include <cstdint>
#include <memory>

namespace radixbench {

// When a group's NCCL communicator is made: as the group is opened, or by its first call, as
// PyTorch does it. In the latter case a member that never calls is missed in the first call of the
// others, before NCCL has anything to show for the group.
enum class NcclCreation : std::uint8_t { kOpening, kFirstCall };

// What one rank's groups have in common. Outlives them.
struct NcclRank {
  NcclTools tools;
  const NcclBoard* board = nullptr;
  Rank rank = 0;
  SiteNamer namer = nullptr;
  NcclCreation creation = NcclCreation::kOpening;
  int ctas_max = 0;  // blocks of threads that a call may use; 0: NCCL decides
};

// One of a group that all its members have opened with equal specs, with its NCCL communicator made
// and tried once, by `deadline`, where they are made as groups are opened.
Result<std::unique_ptr<Communicator>> make_nccl_communicator(const NcclRank& rank,
                                                             GroupSpec group,
                                                             Deadline deadline);

}  // namespace radixbench

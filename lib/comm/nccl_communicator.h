#pragma once

#include "comm/communicator.h"
#include "comm/nccl_board.h"
#include "comm/nccl_handle.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace radixbench {

// When and how a group's NCCL communicator is made. Split: as it is opened, out of one for the
// whole world, where all ranks open theirs together. Opening: as it is opened, on its own. First
// call: by that, as PyTorch does it; a member that never calls is missed there, before NCCL has
// anything to show for the group.
enum class NcclCreation : std::uint8_t { kSplit, kOpening, kFirstCall };
std::string_view to_string(NcclCreation creation);
Result<NcclCreation> parse_nccl_creation(std::string_view text);

// What one rank's groups have in common. Outlives them.
struct NcclRank {
  NcclTools tools;
  const NcclBoard* board = nullptr;
  Rank rank = 0;
  SiteNamer namer = nullptr;
  NcclCreation creation = NcclCreation::kSplit;
  int ctas_max = 0;  // blocks of threads that a call may use; 0: NCCL decides
};

// Where members meet to have a communicator made: the first of them finds a place, the others hear
// of it, and get nothing while they have not.
Result<std::optional<NcclUniqueId>> find_meeting(const NcclRank& rank,
                                                 const NcclGroupBoard& board,
                                                 std::size_t index);

// One of a group that all its members have opened with equal specs. Where communicators are made as
// groups are opened, its own (or `handle`, where it is there already) is made and tried once, by
// `deadline`.
Result<std::unique_ptr<Communicator>> make_nccl_communicator(const NcclRank& rank,
                                                             GroupSpec group,
                                                             std::unique_ptr<NcclHandle> handle,
                                                             Deadline deadline);

}  // namespace radixbench

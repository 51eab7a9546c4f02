#include "comm/nccl_communicator.h"

#include <fmt/format.h>

namespace radixbench {

std::string_view to_string(NcclCreation creation) {
  switch (creation) {
    case NcclCreation::kSplit: return "split";
    case NcclCreation::kOpening: return "opening";
    case NcclCreation::kFirstCall: return "first_call";
  }
  return "unknown";
}

Result<NcclCreation> parse_nccl_creation(std::string_view text) {
  for (const NcclCreation creation :
       {NcclCreation::kSplit, NcclCreation::kOpening, NcclCreation::kFirstCall}) {
    if (to_string(creation) == text) return creation;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("NCCL creation '{}' is none of split, opening, first_call", text));
}

Result<std::optional<NcclUniqueId>> find_meeting(const NcclRank& rank,
                                                 const NcclGroupBoard& board,
                                                 std::size_t index) {
  if (index == 0 && !board.id()) {
    NcclUniqueId id{};
    const NcclStatus status = rank.tools.nccl->get_unique_id(&id);
    if (status != kNcclFine) {
      return fail(ErrorCode::kIo,
                  fmt::format("NCCL finds no place to meet: {}: {}",
                              rank.tools.nccl->error_string(status),
                              rank.tools.nccl->last_error(nullptr)));
    }
    board.leave_id(id);
  }
  return board.id();
}

}  // namespace radixbench

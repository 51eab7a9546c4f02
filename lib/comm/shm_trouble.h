#pragma once

#include "comm/communicator.h"
#include "comm/shm_memory.h"

#include <functional>
#include <optional>

namespace radixbench {

// Why a rank must stop waiting for the members that have not come, `is_late` being one reason;
// nothing while there is hope, or where all have come after all.
std::optional<CallFailure> reason_to_stop(const WorldMemory& memory,
                                          const GroupSpec& group,
                                          const GroupMemory& group_memory,
                                          const std::function<bool(std::size_t)>& has_come,
                                          bool is_late);

// The same for a rank that makes a call on a broken group or in an interrupted world.
CallFailure reason_to_refuse(const WorldMemory& memory,
                             const GroupSpec& group,
                             const GroupMemory& group_memory,
                             const std::function<bool(std::size_t)>& has_come);

// Leaves `rank` and `sequence` as those who broke the group, unless somebody did before.
void break_group(const GroupMemory& group_memory, Rank rank, std::uint64_t sequence);

inline bool is_broken(const GroupMemory& group_memory) {
  return std::atomic_ref{group_memory.control().broken}.load(std::memory_order_relaxed) != 0;
}

}  // namespace radixbench

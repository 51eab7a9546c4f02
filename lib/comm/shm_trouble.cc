#include "comm/shm_trouble.h"

#include "comm/call_failure.h"

namespace radixbench {
namespace {

// Who has come, is missed or known dead, and who broke the group before. Deaths are read first:
// what a rank did before its end was announced is then seen too.
CallFailure sort_members(const WorldMemory& memory,
                         const GroupSpec& group,
                         const GroupMemory& group_memory,
                         const std::function<bool(std::size_t)>& has_come) {
  CallFailure failure;
  for (std::size_t member = 0; member < group.members.size(); ++member) {
    const Rank rank = group.members[member];
    const auto missed = memory.is_dead(rank) ? MemberState::kDead : MemberState::kAbsent;
    add_member(failure, rank, has_come(member) ? MemberState::kPresent : missed);
  }
  const std::uint64_t broken =
      std::atomic_ref{group_memory.control().broken}.load(std::memory_order_relaxed);
  if (broken != 0) {
    failure.gave_up = Broken::from_word(broken).rank;
    failure.gave_up_sequence = Broken::from_word(broken).sequence;
  }
  return failure;
}

}  // namespace

std::optional<CallFailure> reason_to_stop(const WorldMemory& memory,
                                          const GroupSpec& group,
                                          const GroupMemory& group_memory,
                                          const std::function<bool(std::size_t)>& has_come,
                                          bool is_late) {
  CallFailure failure = sort_members(memory, group, group_memory, has_come);
  if (failure.absent.empty()) return std::nullopt;
  if (memory.is_interrupted()) {
    failure.code = ErrorCode::kInterrupted;
  } else if (!failure.dead.empty() || failure.gave_up) {
    failure.code = ErrorCode::kPeerLost;
  } else if (is_late) {
    failure.code = ErrorCode::kTimeout;
  } else {
    return std::nullopt;
  }
  return failure;
}

CallFailure reason_to_refuse(const WorldMemory& memory,
                             const GroupSpec& group,
                             const GroupMemory& group_memory,
                             const std::function<bool(std::size_t)>& has_come) {
  CallFailure failure = sort_members(memory, group, group_memory, has_come);
  failure.code = memory.is_interrupted() ? ErrorCode::kInterrupted : ErrorCode::kPeerLost;
  return failure;
}

void break_group(const GroupMemory& group_memory, Rank rank, std::uint64_t sequence) {
  std::uint64_t whole = 0;
  const Broken broken{rank, sequence};
  std::atomic_ref{group_memory.control().broken}.compare_exchange_strong(whole, broken.word());
}

}  // namespace radixbench

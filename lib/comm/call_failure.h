#pragma once

#include "comm/communicator.h"

#include <chrono>

namespace radixbench {

// The members of `group` by what one of them can see of a call: sorted into a failure's lists.
enum class MemberState : std::uint8_t { kPresent, kAbsent, kDead };
void add_member(CallFailure& failure, Rank rank, MemberState state);

// A failed call in a sentence, with everyone named:
// can_terminate_prefetch #812 on attn_cp{1,5}: rank 5 did not come within 30 s (present 1)
Error to_error(const CallFailure& failure,
               const GroupSpec& group,
               SiteNamer namer,
               std::chrono::nanoseconds waited);

// The same where `reason` is not told by the lists.
Error to_error(const CallFailure& failure,
               const GroupSpec& group,
               SiteNamer namer,
               std::string_view reason);

// The same for a group that could not be opened; site, key, kind and sequence mean nothing then.
Error to_open_error(const CallFailure& failure,
                    const GroupSpec& group,
                    std::chrono::nanoseconds waited);

// Two ranks whose specs of one ordinal differ.
Error to_mismatch(std::uint32_t ordinal,
                  Rank rank,
                  std::string_view spec,
                  Rank other_rank,
                  std::string_view other_spec);

// What no rank of a world of `world_size` could open; nothing where `rank` can.
Result<void> check_spec(const GroupSpec& group, Rank rank, Rank world_size);

}  // namespace radixbench

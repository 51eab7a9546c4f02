#pragma once

#include "watch/call_habit.h"
#include "watch/verdict.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace radixbench {

// In what way a rank left its habit.
struct CallDeparture {
  // kSkippedCall, kExtraCall, kOrderInversion, kWrongGroupOther (another group for the usual call)
  // or a kMismatch.
  VerdictClass verdict = VerdictClass::kExtraCall;
  Rank rank = 0;
  std::uint16_t thread = 0;
  std::size_t index = 0;                // of the program, where it begins
  std::vector<std::uint32_t> made;      // tokens that were surplus, or stand for others
  std::vector<std::uint32_t> left_out;  // tokens that should have come
  bool is_repeat = false;               // `made` only repeats what came right before
  HabitForecast usual;
};

// What it takes to get from the habit to what the rank did at `index` and from there on, in the
// fewest calls. Nothing where it did what it always did.
std::optional<CallDeparture> classify_departure(const CallHistories& histories,
                                                CallHabit& habit,
                                                const CallProgram& program,
                                                std::size_t index);

// The calls at the head of `tokens` that are one question: made at one site, or of one signature
// where sites are unknown.
std::size_t question_size(const CallHistories& histories, std::span<const std::uint32_t> tokens);

// How two signatures that ought to be one differ.
VerdictClass mismatch_of(const RecordedSignature& left, const RecordedSignature& right);

}  // namespace radixbench

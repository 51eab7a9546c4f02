#pragma once

#include <cstdint>
#include <string_view>

namespace radixbench {

// What the gate says of one cell; to_string gives the slug that every output uses.
enum class GateVerdict : std::uint8_t {
  kPass,              // "no slower than the tolerance" was shown
  kRegressed,         // slower by more than the tolerance
  kImproved,          // faster by more than the tolerance
  kInconclusive,      // none of the three was shown
  kMissing,           // the baseline has the cell, this run does not
  kError,             // a launch crashed, hung or failed validation
  kNew,               // the baseline lacks the cell
  kIncomparable,      // benchmark version or environment differ
  kNondeterministic,  // an exact value varied within a side
};

constexpr std::string_view to_string(GateVerdict verdict) {
  switch (verdict) {
    case GateVerdict::kPass: return "PASS";
    case GateVerdict::kRegressed: return "REGRESSED";
    case GateVerdict::kImproved: return "IMPROVED";
    case GateVerdict::kInconclusive: return "INCONCLUSIVE";
    case GateVerdict::kMissing: return "MISSING";
    case GateVerdict::kError: return "ERROR";
    case GateVerdict::kNew: return "NEW";
    case GateVerdict::kIncomparable: return "INCOMPARABLE";
    case GateVerdict::kNondeterministic: return "NONDETERMINISTIC";
  }
  return "ERROR";
}

}  // namespace radixbench

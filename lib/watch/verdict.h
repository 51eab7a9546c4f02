#pragma once

#include "base/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// The classes of a verdict; to_string gives the slug that every output uses.
enum class VerdictClass : std::uint8_t {
  kNone,
  kIncomplete,
  kWrongGroupTooLarge,
  kWrongGroupTooSmall,
  kWrongGroupOther,
  kSkippedCall,
  kExtraCall,
  kCallCount,
  kOrderInversion,
  kMismatchKind,
  kMismatchReduceOp,
  kMismatchRoot,
  kMismatchShape,
  kMismatchDtype,
  kDecisionDivergence,
  kRankDied,
  kThreadDied,
  kThreadRace,
  kLateHost,
  kLateDevice,
  kLateUnknown,
  kStalledUnrecorded,
  kGroupCreateMembership,
  kGroupCreateOrder,
  kGroupCreateCount,
  kGroupCreateName,
  kGroupNotInitialised,
  kTimeoutMisconfigured,
  kTransport,
};
std::string_view to_string(VerdictClass verdict);
std::optional<VerdictClass> parse_verdict_class(std::string_view slug);
// none, incomplete, late/*: nothing that a fix of groups or calls would mend.
bool is_benign(VerdictClass verdict);

enum class Confidence : std::uint8_t { kCertain, kLikely, kPossible };
std::string_view to_string(Confidence confidence);

// A rank that waits, and for whom.
struct WaitsFor {
  Rank rank = 0;
  std::string thread;
  std::string site;
  std::string key;    // rid:7, or empty
  std::string group;  // name{members}
  std::uint64_t sequence = 0;
  std::vector<Rank> on;  // members that have not come to this call
};

// What some ranks did, or should have done, where a fault shows first.
struct CallSide {
  std::vector<Rank> ranks;
  std::string does;  // made, waits in, did not come to, should have made
  std::string call;  // what kind of call, of what, on which group
  std::string site;
  std::string file;  // of the frame that gives the site its name; empty where unknown
  std::int64_t line = 0;
  std::string caller;  // of that frame: run (sched.py:64)
};

struct Verdict {
  VerdictClass verdict = VerdictClass::kNone;
  bool hang = false;  // somebody waits for ever
  std::vector<Rank> culprit_ranks;
  bool is_ambiguous = false;       // culprit_ranks are then all sides
  std::vector<std::string> sites;  // one, but for a race of two
  std::string key;
  std::string expected_group;
  std::string actual_group;
  std::vector<Rank> absent;
  std::vector<Rank> missing_dumps;
  std::vector<Rank> idle;  // ranks that have nothing to do, and whom the culprits wait for or lack
  std::string after_site;
  std::string expected_next;
  std::string consequence;
  std::optional<std::uint64_t> lead_steps;
  bool silent_mispair = false;
  std::string first_divergence;  // guard key rank:outcome (inputs)
  Confidence confidence = Confidence::kCertain;
  std::string what_would_help;
  std::vector<std::string> evidence;  // most telling first
  std::vector<CallSide> sides;        // where the source tells places
  std::string advice;                 // what to change
};

// Independent faults have a verdict each, the earliest cause first; never empty: `none` or
// `incomplete` where there is nothing else. Warnings are about what has not bitten yet.
struct Diagnosis {
  std::vector<Verdict> verdicts;
  std::vector<Verdict> warnings;
  std::vector<WaitsFor> waits_for;
  std::vector<std::string> not_visible;
  std::vector<std::string> notes = {};  // what was taken for granted: members of groups, the mesh
};

// Whether a verdict is about calls, groups or decisions: neither benign nor only a rank that died.
bool names_fault(const Diagnosis& diagnosis);

}  // namespace radixbench

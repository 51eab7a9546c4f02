#pragma once

#include "base/error.h"
#include "replay/rank_report.h"
#include "replay/run_data.h"
#include "stats/divergence.h"
#include "watch/verdict.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// How a run as a whole ended; the first that applies (docs/errors.md).
enum class RunEnd : std::uint8_t {
  kFine,
  kCheckFailed,  // a rank aborted on a bug, or what must hold at the end does not
  kDiverged,     // digests or bytes differ between ranks of a replica
  kVerdict,      // the recorder shows a fault of calls or groups
  kDeadline,     // a deadline passed or a rank died
  kInterrupted,
  kFailed,  // something else the world did; `code` says what
};

std::string_view to_string(RunEnd end);  // fine, check_failed, ...

struct Outcome {
  RunEnd end = RunEnd::kFine;
  ErrorCode code = ErrorCode::kTimeout;  // of kFailed
  int signal = 0;                        // of kInterrupted
  std::vector<std::string> messages;     // what to say, most telling first
};

// Pure. `interrupt_signal`: the supervisor was told to stop.
struct DivergenceReport {
  std::span<const Divergence> divergences;
  std::span<const SiteInfo> sites;
};
Outcome judge(std::span<const RankReport> reports,
              const RunData& data,
              const DivergenceReport& divergence,
              const Diagnosis& diagnosis,
              std::optional<int> interrupt_signal);

}  // namespace radixbench

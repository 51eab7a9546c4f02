#pragma once

#include "base/result.h"
#include "stats/gate_launches.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

enum class GateAction : std::uint8_t {
  kFail,   // decides the exit code
  kWarn,   // is judged and shown
  kTrack,  // is shown
};

// How much worse a cell may get.
struct GateRule {
  std::string metric = "*";        // glob
  std::vector<std::string> stats;  // empty: p50 and floor of noisy metrics, total of exact ones
  // Key of CellKey (tp, cp, dp and pp of its layout too) and globs, one of which must match.
  std::vector<std::pair<std::string, std::vector<std::string>>> where;
  bool is_exact = false;    // no statistics: any change for the worse beyond `tolerance` counts
  double tolerance = 0.05;  // 0.05: 5 %; of exact ones a share of A's value
  // In the metric's unit, in place of `tolerance`: as a share of A's median it is one.
  std::optional<double> tolerance_absolute;
  double abs_floor = 0;  // in the metric's unit; a smaller difference of medians is none
  std::optional<double> alpha;
  GateAction action = GateAction::kFail;
  bool is_optional = false;  // may match nothing
  std::string source;        // where it was written, for messages: --fail-if ..., gate.toml:12
};

struct GateOptions {
  double alpha = 0.05;
  std::size_t pairs = 10;      // a look is taken after so many,
  std::size_t pairs_max = 10;  // and after each so many more up to these:
  std::size_t looks = 1;       // alpha / looks for each
  double confidence = 0.95;
  bool is_conclusion_required = false;
  bool may_outnumber_cores = false;  // judge noisy cells of runs with more ranks than cores
  std::vector<GateRule> rules;       // the last that matches a cell wins
};

// A rule in the syntax of --fail-if and --warn-if, e.g.
// agreement_per_step@p50{tp=4|8,policy=timeout}:5%,abs=2us. kInvalidArgument, naming the place.
Result<GateRule> parse_gate_rule(std::string_view text, GateAction action);
// Back into that syntax: parses to the same rule.
std::string to_string(const GateRule& rule);

// The rule that a cell falls under; nothing where none matches.
const GateRule* rule_of(const std::vector<GateRule>& rules, const LaunchCell& cell);

}  // namespace radixbench

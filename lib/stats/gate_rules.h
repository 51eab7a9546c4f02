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

// An amount in ns, bytes or 1 (a count).
struct GateAmount {
  double value = 0;
  std::string unit;
};

// How much worse a cell may get. A metric that is named in full is compared as the rule says; a
// glob only reaches cells of its own kind: exact ones if the limit is exact, else noisy ones, and
// those of its amounts' unit.
struct GateRule {
  std::string metric = "*";        // glob
  std::vector<std::string> stats;  // empty: p50 and floor of noisy cells, all of exact ones
  // A field of cells and globs, one of which must match.
  std::vector<std::pair<std::string, std::vector<std::string>>> where;
  bool is_exact = false;  // no statistics: any change for the worse beyond `tolerance` counts
  std::optional<double> tolerance;               // 0.05: 5 % of A; none: the metric's own
  std::optional<GateAmount> tolerance_absolute;  // in place of it: a share of A's median
  // 1: more is better, -1: less is better, whatever the metric says of itself (signs of limits).
  std::int8_t direction = 0;
  std::optional<GateAmount> abs_floor;  // a smaller difference of medians is none; the metric's own
  std::optional<double> alpha;
  GateAction action = GateAction::kFail;
  bool is_optional = false;  // may match nothing
  std::string source;        // where it was written, for messages: --fail-if ..., gate.toml:12
};

struct GateOptions {
  double alpha = 0.05;
  // A look is taken after `pairs` pairs, and `looks` evenly spaced ones up to `pairs_max`.
  std::size_t pairs = 10;
  std::size_t pairs_max = 10;
  std::size_t looks = 1;  // alpha / looks for each
  double confidence = 0.95;
  bool is_conclusion_required = false;
  bool may_outnumber_cores = false;  // judge noisy cells of runs with more ranks than cores
  bool may_miss = false;             // a cell that only A has passes
  std::vector<std::string> across;   // fields that the sides may differ in, besides the sets' own
  std::vector<GateRule> rules;       // the last that matches a cell wins
};

enum class GatePreset : std::uint8_t { kStrict, kDefault, kPermissive };
// Exact metrics may not get worse at all; the slowest rank's agreement and drain a step and the
// confirm delay by 2, 5 or 10 %; other times are tracked.
std::vector<GateRule> preset_rules(GatePreset preset);
// strict, default, permissive. kInvalidArgument for others.
Result<GatePreset> parse_preset(std::string_view text);

// The sizes at which the looks that `pairs` pairs allow were taken, the last being `pairs`.
std::vector<std::size_t> look_sizes(const GateOptions& options, std::size_t pairs);

// A rule in the syntax of --fail-if and --warn-if, e.g.
// agreement_per_step@p50{tp=4|8,policy=timeout}:5%,abs=2us. kInvalidArgument, naming the place.
Result<GateRule> parse_gate_rule(std::string_view text, GateAction action);
// The parts of one, for rules that are written in files. A limit is 5%, +5%, 2us, exact, or
// `default` for the metric's own; an amount is 2us, 4KiB, 3count.
Result<void> parse_gate_limit(std::string_view text, GateRule& rule);
Result<GateAmount> parse_gate_amount(std::string_view text);
std::string gate_limit_text(const GateRule& rule);
// Back into that syntax: parses to the same rule.
std::string to_string(const GateRule& rule);

std::string to_string(const GateAmount& amount);

bool is_matched(const GateRule& rule, const LaunchCell& cell);
// The rule that a cell falls under; nothing where none matches.
const GateRule* rule_of(const std::vector<GateRule>& rules, const LaunchCell& cell);

}  // namespace radixbench

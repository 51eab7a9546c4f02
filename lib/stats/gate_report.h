#pragma once

#include "base/result.h"
#include "stats/gate_judge.h"
#include "stats/gate_launches.h"
#include "stats/gate_rules.h"
#include "stats/gate_verdict.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// One cell as the gate left it.
struct GateCell {
  CellKey key;
  std::string unit;
  MetricClass metric_class = MetricClass::kNoisy;
  std::int8_t direction = 0;
  GateAction action = GateAction::kFail;
  std::string rule;  // GateRule::source
  double tolerance = 0, abs_floor = 0;
  std::vector<double> a, b;  // a value a launch; of pairs in the order of pairs
  GateVerdict verdict = GateVerdict::kInconclusive;
  std::string reason;  // why that verdict, in words: which field differs, how many pairs are needed
  // Of noisy cells that were judged.
  std::optional<GateEstimate> estimate;
  double p_adjusted = 1;        // p_reg after Holm
  std::optional<double> mde80;  // slowdown found in about 80 of 100 such runs; 0.07: 7 %
  std::optional<std::size_t>
      samples_needed;  // to make a slowdown of twice the tolerance detectable

  [[nodiscard]] double median_a() const;  // NaN where there are none
  [[nodiscard]] double median_b() const;
};

// A against A' on the same rules.
struct SelfCheck {
  bool is_quiet = true;
  std::string reason;  // the cell that was not quiet
  std::vector<GateCell> cells;
};

struct GateReport {
  std::string label_a, label_b;
  bool is_paired = true;
  Fingerprint fingerprint_a, fingerprint_b;
  GateOptions options;
  std::size_t looks_taken = 1;
  std::vector<GateCell> cells;  // worst first
  std::optional<SelfCheck> self_check;
  std::vector<std::string> warnings;

  [[nodiscard]] std::size_t count(GateVerdict verdict) const;  // of cells whose action is not track
};

// How a gate ends, in the order in which it is decided.
enum class GateEnd : std::uint8_t {
  kFine,               // nothing that fails
  kWorse,              // a failing cell is REGRESSED, MISSING, ERROR or NONDETERMINISTIC
  kNothingComparable,  // no cell could be compared
  kInconclusive,       // a conclusion was required, and a failing cell has none
};
GateEnd end_of(const GateReport& report);

// Whether every cell that fails or warns has a verdict that more pairs are not asked for.
bool is_decided(const GateReport& report);

// Judges B's launches against A's (and A's against A' of the same set, where there are any).
// `history`: earlier accepted baselines, oldest first; where launches are not paired, noise between
// them widens the tolerance. Fails with kInvalidArgument where there are too few launches for the
// cells that rules gate (between looks: go on), or a rule matches nothing; both name what would do.
// kCorrupt where two launches of a side have the same pair number.
Result<GateReport> judge_launches(const LaunchSet& a,
                                  const LaunchSet& b,
                                  const GateOptions& options,
                                  std::span<const LaunchSet> history = {});

// One set that holds all sides, as `ab` leaves it.
Result<GateReport> judge_launches(const LaunchSet& all, const GateOptions& options);

}  // namespace radixbench

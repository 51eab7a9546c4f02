#pragma once

#include "base/result.h"
#include "stats/gate_report.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// One cell whose values vary. Values are above zero; of pairs, a[i] and b[i] are one.
struct NoisyInput {
  std::vector<double> a, b;
  bool is_paired = true;
  std::int8_t direction = -1;
  double delta = 0;  // ln(1 + tolerance)
  double abs_floor = 0;
  double alpha = 0.05;

  [[nodiscard]] std::size_t samples() const;  // pairs, or launches of the side that has fewer
};

struct NoisyOutcome {
  GateVerdict verdict = GateVerdict::kInconclusive;
  std::string reason;
  GateEstimate estimate;
  double p_adjusted = 1;
  std::optional<double> mde80;
  std::optional<std::size_t> samples_needed;
  std::size_t shown_after = 0;  // pairs, of the look that decided it
};

// Whether the cell's samples are enough for it to be shown worse as one of `cells`; else how many
// are.
std::optional<std::size_t> samples_lacking(const NoisyInput& input,
                                           std::size_t cells,
                                           const GateOptions& options);

// Judges cells that are adjusted for one another. Pairs are looked at as often as options say: a
// cell that any look finds worse is, otherwise the first look that decides it counts.
// kInvalidArgument where a cell has too few samples.
Result<std::vector<NoisyOutcome>> judge_noisy(std::span<const NoisyInput> inputs,
                                              const GateOptions& options);

// Why A and A' (as `b`) can't be taken for the same; empty where they can.
std::string unquiet(std::span<const NoisyInput> inputs,
                    std::span<const std::string> names,
                    const GateOptions& options,
                    std::vector<NoisyOutcome>& outcomes);

// "5 %", of 0.05.
std::string share_text(double share);

}  // namespace radixbench

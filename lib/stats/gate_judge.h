#pragma once

#include "base/result.h"
#include "stats/gate_statistics.h"
#include "stats/gate_verdict.h"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace radixbench {

// In all of these alpha is above 0 and under a half.

// Holm's adjustment of p for there being several, in the order given.
std::vector<double> holm(std::span<const double> p);

// The fewest pairs with which one of `cells` can be shown at alpha: ceil(log2(cells / alpha)). An
// interval of level 1 - a is finite from pairs_min(2, a) on.
std::size_t pairs_min(std::size_t cells, double alpha);

// The same for two sides of as many launches each; never under 5, which is as few as the rank sum
// is trusted with.
std::size_t launches_min(std::size_t cells, double alpha);

struct NoisyCell {
  GateEstimate estimate;
  bool is_above_floor = true;        // a regression that is not is none
  std::optional<double> alpha = {};  // its own, in place of all cells'
};
// kPass, kRegressed, kImproved or kInconclusive.
GateVerdict verdict_of(const NoisyCell& cell, double p_reg_adjusted, double alpha);

struct JudgedCell {
  GateVerdict verdict = GateVerdict::kInconclusive;
  double p_reg_adjusted = 1;
};

// Judges all gated cells of a run together, as Holm needs. kInvalidArgument where a cell has too
// few samples for so many cells: a test that cannot fail is no gate.
Result<std::vector<JudgedCell>> judge(std::span<const NoisyCell> cells, double alpha);

// What decides whether one cell is found worse.
struct Detection {
  double alpha = 0;  // what is left for one cell: alpha / cells
  // How far below theta the bound lies that the test itself draws at alpha; theta - lo of an
  // estimate at confidence 1 - 2 alpha. Few samples at a small alpha have it further out than a
  // normal distribution would.
  double reach = 0;
};

// The slowdown (0.07: 7 %) that would be found in about 80 of 100 runs like this one; infinite
// where the interval or the reach is.
double slowdown_detectable(const GateEstimate& estimate, Detection detection);

// About how many pairs (or launches a side) make `slowdown` detectable; nothing where the interval
// is infinite or the slowdown is within the tolerance, which no number of samples makes one.
std::optional<std::size_t> samples_needed(const GateEstimate& estimate,
                                          Detection detection,
                                          double slowdown);

}  // namespace radixbench

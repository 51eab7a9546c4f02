#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace radixbench {

// The statistics of the gate for metrics that vary. One value is one launch of all ranks, never an
// iteration. Everything is in natural logarithms and positive is worse; delta is ln(1 + tolerance)
// and sits inside each hypothesis, so that a small difference is not taken for none.

enum class Direction : std::uint8_t { kLowerIsBetter, kHigherIsBetter };

// ln of each value, negated where higher is better. kCorrupt where a value has no logarithm.
Result<std::vector<double>> log_costs(std::span<const double> values, Direction direction);

// What the launches of one cell say. The p-values are one-sided and exact.
struct GateEstimate {
  double theta = 0;         // Hodges-Lehmann: how much worse the new side is
  double lo = 0, hi = 0;    // interval of theta; infinite where there are too few samples for one
  double p_reg = 1;         // of theta <= delta: small shows a regression
  double p_imp = 1;         // of theta >= -delta: small shows an improvement
  double p_pass = 1;        // of theta >= delta: small shows "no slower than the tolerance"
  double p_attainable = 1;  // the smallest p that so many samples can give
  double delta = 0, confidence = 0;  // as asked for
  std::size_t samples = 0;           // pairs, or launches of the side that has fewer
  bool is_paired = true;
};

// Signed ranks of y, the costs of pairs of adjacent launches, new minus old. Not empty, finite;
// delta >= 0, confidence inside (0, 1).
GateEstimate estimate_paired(std::span<const double> y, double delta, double confidence);

// Rank sums of costs that were measured apart. Takes (sides together)^2 * (a side)^2 steps.
struct UnpairedCosts {
  std::span<const double> old_side, new_side;
};
GateEstimate estimate_unpaired(UnpairedCosts costs, double delta, double confidence);

// Of values that are not none.
double median(std::span<const double> values);

// Whether medians differ by at least `floor`, in the metric's own unit. Neither side is empty.
bool is_above_floor(std::span<const double> old_side,
                    std::span<const double> new_side,
                    double floor);

}  // namespace radixbench

#include "stats/gate_judge.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace radixbench {
namespace {

// With fewer launches a side even the extreme order is no rare one, 1 in 70 for 4 and 4.
constexpr std::size_t kLaunchesMin = 5;

// z with a standard normal above it with probability `upper`, which is under a half.
double normal_quantile(double upper) {
  RADIXBENCH_CHECK(upper > 0 && upper < 0.5);
  double low = 0, high = 40;  // erfc underflows before 40
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::sqrt(2.0)) / 2 > upper ? low : high) = middle;
  }
  return low;
}

double standard_error(const GateEstimate& estimate) {
  return (estimate.hi - estimate.lo) / 2 / normal_quantile((1 - estimate.confidence) / 2);
}

// How far above the tolerance lies what is found 80 times in 100.
double room_needed(const GateEstimate& estimate, Detection detection) {
  constexpr double kPower80 = 0.84;  // of the normal distribution, 80 % lie below
  const double error = standard_error(estimate);
  const double reach = std::max(detection.reach, normal_quantile(detection.alpha) * error);
  return reach + kPower80 * error;
}

bool can_be_shown(const GateEstimate& estimate, std::size_t cells, double alpha) {
  if (!estimate.is_paired && estimate.samples < kLaunchesMin) return false;
  return estimate.p_attainable * static_cast<double>(cells) <= alpha;
}

}  // namespace

GateVerdict verdict_of(const NoisyCell& cell, double p_reg_adjusted, double alpha) {
  if (p_reg_adjusted <= alpha && cell.is_above_floor) return GateVerdict::kRegressed;
  if (cell.estimate.p_imp <= alpha) return GateVerdict::kImproved;
  if (cell.estimate.p_pass <= alpha) return GateVerdict::kPass;
  return GateVerdict::kInconclusive;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return p[x] < p[y]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, p[order[i]] * static_cast<double>(p.size() - i));
    adjusted[order[i]] = std::min(largest, 1.0);
  }
  return adjusted;
}

std::size_t pairs_min(std::size_t cells, double alpha) {
  RADIXBENCH_CHECK(cells > 0 && alpha > 0 && alpha < 0.5);
  std::size_t pairs = 0;
  for (auto p = static_cast<double>(cells); p > alpha; p /= 2) ++pairs;
  return pairs;
}

std::size_t launches_min(std::size_t cells, double alpha) {
  RADIXBENCH_CHECK(cells > 0 && alpha > 0 && alpha < 0.5);
  auto p = static_cast<double>(cells);
  std::size_t launches = 0;
  while (p > alpha || launches < kLaunchesMin) {
    ++launches;
    const auto n = static_cast<double>(launches);
    p *= n / (2 * (2 * n - 1));  // of 2n over n ways one is extreme
  }
  return launches;
}

Result<std::vector<JudgedCell>> judge(std::span<const NoisyCell> cells, double alpha) {
  RADIXBENCH_CHECK(alpha > 0 && alpha < 0.5);
  std::vector<double> p_reg;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const GateEstimate& estimate = cells[i].estimate;
    const double own_alpha = cells[i].alpha.value_or(alpha);
    if (!can_be_shown(estimate, cells.size(), own_alpha)) {
      const bool is_paired = estimate.is_paired;
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("cell {} has {} {}; to gate {} at alpha {} takes {}",
                              i,
                              estimate.samples,
                              is_paired ? "pairs" : "launches a side",
                              cells.size(),
                              own_alpha,
                              is_paired ? pairs_min(cells.size(), own_alpha)
                                        : launches_min(cells.size(), own_alpha)));
    }
    p_reg.push_back(estimate.p_reg);
  }
  const std::vector<double> adjusted = holm(p_reg);
  std::vector<JudgedCell> judged;
  judged.reserve(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const double own_alpha = cells[i].alpha.value_or(alpha);
    judged.push_back({verdict_of(cells[i], adjusted[i], own_alpha), adjusted[i]});
  }
  return judged;
}

double slowdown_detectable(const GateEstimate& estimate, Detection detection) {
  return std::expm1(estimate.delta + room_needed(estimate, detection));
}

std::optional<std::size_t> samples_needed(const GateEstimate& estimate,
                                          Detection detection,
                                          double slowdown) {
  const double room = std::log1p(slowdown) - estimate.delta;
  const double needed = room_needed(estimate, detection);
  if (!std::isfinite(needed) || room <= 0) return std::nullopt;
  // The error falls with the root of the samples.
  const double ratio = needed / room;
  const double scaled = std::ceil(static_cast<double>(estimate.samples) * ratio * ratio);
  const std::size_t least =
      estimate.is_paired ? pairs_min(1, detection.alpha) : launches_min(1, detection.alpha);
  // More than this is never, and not every double fits an integer.
  constexpr double kNever = 1e9;
  if (scaled > kNever) return std::nullopt;
  return std::max(static_cast<std::size_t>(scaled), least);
}

}  // namespace radixbench

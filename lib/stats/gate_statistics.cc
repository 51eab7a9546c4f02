#include "stats/gate_statistics.h"

#include "base/check.h"
#include "stats/rank_distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

namespace radixbench {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ln rounds, and two costs that are equal may come out a few 1e-16 apart: exactly delta worse must
// be a tie, not worse. 1e-12 is far above rounding and a millionth of a millionth of a cost.
constexpr double kGridPerUnit = 1e12;

// The largest cost keeps clear of what 64 bits hold; e^1000 is no ratio of times.
constexpr double kCostMax = 1000;

std::int64_t on_grid(double cost) {
  RADIXBENCH_CHECK(std::abs(cost) <= 2 * kCostMax);
  return std::llround(cost * kGridPerUnit);
}

double median_of_sorted(std::span<const double> sorted) {
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

void check_costs(std::span<const double> costs) {
  RADIXBENCH_CHECK(!costs.empty());
  for (const double cost : costs) RADIXBENCH_CHECK(std::abs(cost) <= kCostMax);
}

// The p-value of "the costs lie above zero", by signed ranks.
double p_above_zero(std::span<const std::int64_t> costs) {
  std::vector<std::int64_t> magnitudes;
  magnitudes.reserve(costs.size());
  for (const std::int64_t cost : costs) magnitudes.push_back(std::abs(cost));
  std::vector<std::uint32_t> ranks = doubled_mid_ranks(magnitudes);
  std::size_t above = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    // A zero keeps its rank in the null and adds nothing here: it counts against the claim.
    if (costs[i] > 0) above += ranks[i];
  }
  // In order, so that which launch came first cannot reach even the last bit of p.
  std::sort(ranks.begin(), ranks.end());
  return upper_tail(coin_sums(ranks), above);
}

// The p-value of "sign * y lies more than shift above zero".
double p_signed(std::span<const double> y, double sign, double shift) {
  std::vector<std::int64_t> costs;
  costs.reserve(y.size());
  for (const double cost : y) costs.push_back(on_grid(sign * cost - shift));
  return p_above_zero(costs);
}

// The p-value of "high lies more than shift above low", by the rank sum of high.
double p_shifted(std::span<const double> low, std::span<const double> high, double shift) {
  std::vector<std::int64_t> all;
  all.reserve(low.size() + high.size());
  for (const double cost : high) all.push_back(on_grid(cost - shift));
  for (const double cost : low) all.push_back(on_grid(cost));
  std::vector<std::uint32_t> ranks = doubled_mid_ranks(all);
  const auto high_end = ranks.begin() + static_cast<std::ptrdiff_t>(high.size());
  const std::size_t sum = std::accumulate(ranks.begin(), high_end, std::size_t{0});
  std::sort(ranks.begin(), ranks.end());  // as above
  return upper_tail(draw_sums(ranks, high.size()), sum);
}

// Theta and its interval from all elementary estimates; `sums` is the null distribution of how many
// of them lie on one side.
void place(std::vector<double> estimates, std::span<const double> sums, GateEstimate& out) {
  std::sort(estimates.begin(), estimates.end());
  out.theta = median_of_sorted(estimates);
  const std::optional<std::size_t> cut = lower_cut(sums, (1 - out.confidence) / 2);
  out.lo = -kInfinity;
  out.hi = kInfinity;
  if (!cut) return;
  out.lo = estimates[*cut];
  out.hi = estimates[estimates.size() - 1 - *cut];
}

GateEstimate begin_estimate(double delta, double confidence) {
  RADIXBENCH_CHECK(delta >= 0 && delta <= kCostMax);
  RADIXBENCH_CHECK(confidence > 0 && confidence < 1);
  GateEstimate estimate;
  estimate.delta = delta;
  estimate.confidence = confidence;
  return estimate;
}

}  // namespace

Result<std::vector<double>> log_costs(std::span<const double> values, Direction direction) {
  const double sign = direction == Direction::kLowerIsBetter ? 1 : -1;
  std::vector<double> costs;
  costs.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] <= 0) {
      return fail(
          ErrorCode::kCorrupt,
          fmt::format("launch {} measured {}; only values above zero have a ratio", i, values[i]));
    }
    costs.push_back(sign * std::log(values[i]));
  }
  return costs;
}

GateEstimate estimate_paired(std::span<const double> y, double delta, double confidence) {
  check_costs(y);
  GateEstimate estimate = begin_estimate(delta, confidence);
  estimate.samples = y.size();
  estimate.p_attainable = std::exp2(-static_cast<double>(y.size()));
  estimate.p_reg = p_signed(y, 1, delta);
  estimate.p_imp = p_signed(y, -1, delta);
  estimate.p_pass = p_signed(y, -1, -delta);
  std::vector<double> walsh_averages;
  walsh_averages.reserve(y.size() * (y.size() + 1) / 2);
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t j = i; j < y.size(); ++j) walsh_averages.push_back((y[i] + y[j]) / 2);
  }
  place(std::move(walsh_averages), coin_sums(plain_ranks(y.size())), estimate);
  return estimate;
}

GateEstimate estimate_unpaired(UnpairedCosts costs, double delta, double confidence) {
  const auto [a, b] = costs;
  check_costs(a);
  check_costs(b);
  GateEstimate estimate = begin_estimate(delta, confidence);
  estimate.is_paired = false;
  estimate.samples = std::min(a.size(), b.size());
  for (std::size_t i = 1; i <= b.size(); ++i) {
    estimate.p_attainable *= static_cast<double>(i) / static_cast<double>(a.size() + i);
  }
  estimate.p_reg = p_shifted(a, b, delta);
  estimate.p_imp = p_shifted(b, a, delta);
  estimate.p_pass = p_shifted(b, a, -delta);
  std::vector<double> differences;
  differences.reserve(a.size() * b.size());
  for (const double new_cost : b) {
    for (const double old_cost : a) differences.push_back(new_cost - old_cost);
  }
  const std::vector<double> sums = draw_sums(plain_ranks(a.size() + b.size()), b.size());
  const std::size_t smallest = b.size() * (b.size() + 1) / 2;
  place(std::move(differences), std::span{sums}.subspan(smallest), estimate);
  return estimate;
}

double median(std::span<const double> values) {
  RADIXBENCH_CHECK(!values.empty());
  std::vector<double> sorted{values.begin(), values.end()};
  std::sort(sorted.begin(), sorted.end());
  return median_of_sorted(sorted);
}

bool is_above_floor(std::span<const double> old_side,
                    std::span<const double> new_side,
                    double floor) {
  return std::abs(median(new_side) - median(old_side)) >= floor;
}

}  // namespace radixbench

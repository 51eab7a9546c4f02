#include "stats/gate_statistics.h"

#include "base/random.h"
#include "stats/gate_judge.h"
#include "stats/gate_samples.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kSeed = 20261125;
const double kDelta = std::log(1.05);

Json read_vectors() {
  std::ifstream file{RADIXBENCH_SOURCE_DIR "/tests/data/vectors/gate.json"};
  return Json::parse(file);
}

double bound(const Json& value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (value == "-inf") return -kInfinity;
  return value == "inf" ? kInfinity : value.get<double>();
}

void expect_bound(double got, const Json& expected) {
  if (std::isinf(bound(expected))) {
    EXPECT_EQ(got, bound(expected));
  } else {
    EXPECT_NEAR(got, bound(expected), 1e-12);
  }
}

void expect_vector(const GateEstimate& got, const Json& expected) {
  EXPECT_NEAR(got.theta, expected["theta"].get<double>(), 1e-12);
  expect_bound(got.lo, expected["lo"]);
  expect_bound(got.hi, expected["hi"]);
  for (const auto& [name, p] :
       {std::pair{"p_reg", got.p_reg}, {"p_imp", got.p_imp}, {"p_pass", got.p_pass}}) {
    const double wanted = expected[name];
    EXPECT_NEAR(p, wanted, 1e-9 * wanted) << name;
  }
  const std::vector<NoisyCell> cells{{got}};
  const auto judged = judge(cells, 1 - got.confidence);
  ASSERT_TRUE(judged) << judged.error().message;
  EXPECT_EQ(to_string(judged->front().verdict), expected["verdict"].get<std::string>());
}

TEST(GateStatisticsTest, PairedVectorsComeOutFieldByField) {
  const Json vectors = read_vectors();
  ASSERT_EQ(vectors["paired"].size(), 30U);
  for (const Json& expected : vectors["paired"]) {
    SCOPED_TRACE(expected.dump());
    const std::vector<double> y = expected["y"];
    expect_vector(estimate_paired(y, expected["delta"], expected["conf"]), expected);
  }
}

TEST(GateStatisticsTest, TwoSampleVectorsComeOutFieldByField) {
  const Json vectors = read_vectors();
  ASSERT_EQ(vectors["two_sample"].size(), 6U);
  for (const Json& expected : vectors["two_sample"]) {
    SCOPED_TRACE(expected.dump());
    const std::vector<double> a = expected["a"], b = expected["b"];
    expect_vector(estimate_unpaired({a, b}, expected["delta"], expected["conf"]), expected);
  }
}

// Multiples of a half, so that ties and zeros abound and arithmetic is exact.
std::vector<double> coarse_costs(Random& random, std::size_t count) {
  std::vector<double> costs;
  for (std::size_t i = 0; i < count; ++i) {
    costs.push_back(0.5 * static_cast<double>(random.below(7)) - 1.5);
  }
  return costs;
}

// Twice the rank of a value among others, by counting.
int doubled_rank(double value, std::span<const double> others) {
  int rank = 1;
  for (const double other : others) rank += other < value ? 2 : (other == value ? 1 : 0);
  return rank;
}

// The share of all sign flips of `costs` that reach the ranks of those above zero.
double flips_as_extreme(std::span<const double> costs) {
  std::vector<double> magnitudes;
  for (const double cost : costs) magnitudes.push_back(std::abs(cost));
  std::vector<int> ranks;
  int above = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    ranks.push_back(doubled_rank(magnitudes[i], magnitudes));
    if (costs[i] > 0) above += ranks[i];
  }
  int extreme = 0;
  for (unsigned flips = 0; flips < 1U << costs.size(); ++flips) {
    int sum = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) sum += (flips >> i & 1U) != 0 ? ranks[i] : 0;
    extreme += sum >= above ? 1 : 0;
  }
  return extreme / std::exp2(costs.size());
}

// The share of all ways to pick as many of all costs as `high` has that reach its rank sum.
double picks_as_extreme(std::span<const double> low, std::span<const double> high) {
  std::vector<double> all{high.begin(), high.end()};
  all.insert(all.end(), low.begin(), low.end());
  std::vector<int> ranks;
  for (const double cost : all) ranks.push_back(doubled_rank(cost, all));
  const int observed =
      std::accumulate(ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(high.size()), 0);
  int picks = 0, extreme = 0;
  for (unsigned pick = 0; pick < 1U << all.size(); ++pick) {
    if (static_cast<std::size_t>(std::popcount(pick)) != high.size()) continue;
    int sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) sum += (pick >> i & 1U) != 0 ? ranks[i] : 0;
    ++picks;
    extreme += sum >= observed ? 1 : 0;
  }
  return static_cast<double>(extreme) / picks;
}

std::vector<double> moved(std::span<const double> costs, double factor, double shift) {
  std::vector<double> result;
  for (const double cost : costs) result.push_back(factor * cost + shift);
  return result;
}

TEST(GateStatisticsTest, PairedTestsEqualEveryFlipCountedTiesAndZerosIncluded) {
  Random random{kSeed, "flips"};
  SCOPED_TRACE(kSeed);
  for (int round = 0; round < 60; ++round) {
    const std::vector<double> y = coarse_costs(random, 1 + random.below(9));
    const GateEstimate estimate = estimate_paired(y, 0.5, 0.95);
    EXPECT_DOUBLE_EQ(estimate.p_reg, flips_as_extreme(moved(y, 1, -0.5)));
    EXPECT_DOUBLE_EQ(estimate.p_imp, flips_as_extreme(moved(y, -1, -0.5)));
    EXPECT_DOUBLE_EQ(estimate.p_pass, flips_as_extreme(moved(y, -1, 0.5)));
  }
}

TEST(GateStatisticsTest, UnpairedTestsEqualEveryPickCountedTiesIncluded) {
  Random random{kSeed, "picks"};
  SCOPED_TRACE(kSeed);
  for (int round = 0; round < 60; ++round) {
    const std::vector<double> a = coarse_costs(random, 1 + random.below(6));
    const std::vector<double> b = coarse_costs(random, 1 + random.below(6));
    const GateEstimate estimate = estimate_unpaired({a, b}, 0.5, 0.95);
    EXPECT_NEAR(estimate.p_reg, picks_as_extreme(a, moved(b, 1, -0.5)), 1e-12);
    EXPECT_NEAR(estimate.p_imp, picks_as_extreme(b, moved(a, 1, -0.5)), 1e-12);
    EXPECT_NEAR(estimate.p_pass, picks_as_extreme(moved(b, 1, -0.5), a), 1e-12);
  }
}

void expect_same(const GateEstimate& x, const GateEstimate& y) {
  EXPECT_EQ(x.theta, y.theta);
  EXPECT_EQ(x.lo, y.lo);
  EXPECT_EQ(x.hi, y.hi);
  EXPECT_EQ(x.p_reg, y.p_reg);
  EXPECT_EQ(x.p_imp, y.p_imp);
  EXPECT_EQ(x.p_pass, y.p_pass);
}

TEST(GateStatisticsTest, OrderOfSamplesSaysNothing) {
  Random random{kSeed, "order"};
  SCOPED_TRACE(kSeed);
  for (int round = 0; round < 50; ++round) {
    std::vector<double> a = made_up_costs(random, 7, 0, 0.03);
    std::vector<double> b = made_up_costs(random, 9, 0.05, 0.03);
    const GateEstimate paired = estimate_paired(b, kDelta, 0.95);
    const GateEstimate unpaired = estimate_unpaired({a, b}, kDelta, 0.95);
    std::reverse(a.begin(), a.end());
    std::rotate(b.begin(), b.begin() + 1 + static_cast<std::ptrdiff_t>(random.below(8)), b.end());
    expect_same(estimate_paired(b, kDelta, 0.95), paired);
    expect_same(estimate_unpaired({a, b}, kDelta, 0.95), unpaired);
  }
}

void expect_mirrored(const GateEstimate& x, const GateEstimate& y) {
  EXPECT_EQ(x.theta, -y.theta);
  EXPECT_EQ(x.lo, -y.hi);
  EXPECT_EQ(x.hi, -y.lo);
  EXPECT_EQ(x.p_reg, y.p_imp);
  EXPECT_EQ(x.p_imp, y.p_reg);
}

TEST(GateStatisticsTest, SwappingSidesMirrorsEverythingBitByBit) {
  Random random{kSeed, "sides"};
  SCOPED_TRACE(kSeed);
  for (int round = 0; round < 50; ++round) {
    const double centre = 0.2 * random.uniform() - 0.1;
    const std::vector<double> a = made_up_costs(random, 8, 0, 0.02);
    const std::vector<double> b = made_up_costs(random, 8, centre, 0.02);
    expect_mirrored(estimate_paired(b, kDelta, 0.95),
                    estimate_paired(moved(b, -1, 0), kDelta, 0.95));
    expect_mirrored(estimate_unpaired({a, b}, kDelta, 0.95),
                    estimate_unpaired({b, a}, kDelta, 0.95));
  }
}

// Tests and interval are computed apart; both come from the same null.
TEST(GateStatisticsTest, IntervalExcludesTheToleranceExactlyWhereTheTestRejectsIt) {
  Random random{kSeed, "duality"};
  SCOPED_TRACE(kSeed);
  int rejected = 0;
  for (int round = 0; round < 300; ++round) {
    const std::vector<double> a = made_up_costs(random, 8, 0, 0.02);
    const std::vector<double> b = made_up_costs(random, 9, 0.14 * random.uniform(), 0.02);
    for (const GateEstimate& estimate :
         {estimate_paired(b, kDelta, 0.9), estimate_unpaired({a, b}, kDelta, 0.9)}) {
      EXPECT_EQ(estimate.lo > kDelta, estimate.p_reg <= 0.05);
      EXPECT_EQ(estimate.hi < kDelta, estimate.p_pass <= 0.05);
      rejected += estimate.p_reg <= 0.05 ? 1 : 0;
    }
  }
  EXPECT_GT(rejected, 100);
  EXPECT_LT(rejected, 500);
}

// ln(1.05 * a) - ln(a) misses ln(1.05) by a rounding that may go either way for every launch alike.
TEST(GateStatisticsTest, ExactlyTheToleranceWorseIsATieAndNotWorse) {
  std::vector<double> a, b;
  for (int i = 1; i <= 12; ++i) {
    a.push_back(100.0 * i);
    b.push_back(105.0 * i);
  }
  const auto old_costs = log_costs(a, Direction::kLowerIsBetter);
  const auto new_costs = log_costs(b, Direction::kLowerIsBetter);
  ASSERT_TRUE(old_costs && new_costs);
  std::vector<double> y;
  for (std::size_t i = 0; i < a.size(); ++i) y.push_back((*new_costs)[i] - (*old_costs)[i]);
  const GateEstimate paired = estimate_paired(y, kDelta, 0.95);
  EXPECT_EQ(paired.p_reg, 1);
  EXPECT_EQ(paired.p_pass, 1);
  const std::vector<double> first(6, old_costs->front()), second(6, new_costs->front());
  EXPECT_EQ(estimate_unpaired({first, second}, kDelta, 0.95).p_reg, 1);
  EXPECT_EQ(estimate_unpaired({first, second}, kDelta, 0.95).p_pass, 1);
}

TEST(GateStatisticsTest, OneZeroAmongRegressionsRaisesTheSmallestP) {
  const std::vector<double> worse{0.1, 0.2, 0.3, 0.4, 0.5};
  const std::vector<double> with_zero{0.0, 0.2, 0.3, 0.4, 0.5};
  EXPECT_EQ(estimate_paired(worse, 0, 0.95).p_reg, 1.0 / 32);
  EXPECT_EQ(estimate_paired(with_zero, 0, 0.95).p_reg, 2.0 / 32);
}

TEST(GateStatisticsTest, IntervalIsFiniteFromTheFewestPairsOn) {
  for (const double confidence : {0.8, 0.9, 0.95, 0.98, 0.99}) {
    const std::size_t least = pairs_min(2, 1 - confidence);
    const std::vector<double> enough(least, 0.1), one_short(least - 1, 0.1);
    EXPECT_TRUE(std::isfinite(estimate_paired(enough, kDelta, confidence).lo)) << confidence;
    EXPECT_TRUE(std::isinf(estimate_paired(one_short, kDelta, confidence).lo)) << confidence;
    EXPECT_TRUE(std::isinf(estimate_paired(one_short, kDelta, confidence).hi)) << confidence;
  }
}

TEST(GateStatisticsTest, AttainablePIsReachedByTheExtremeOrder) {
  Random random{kSeed, "extreme"};
  SCOPED_TRACE(kSeed);
  for (std::size_t count = 1; count <= 12; ++count) {
    const std::vector<double> a(count, 0.0);
    const std::vector<double> b = made_up_costs(random, count + 2, 9, 0.1);
    const GateEstimate paired = estimate_paired(b, kDelta, 0.95);
    EXPECT_EQ(paired.p_reg, paired.p_attainable);
    const GateEstimate unpaired = estimate_unpaired({a, b}, kDelta, 0.95);
    EXPECT_NEAR(unpaired.p_reg, unpaired.p_attainable, 1e-12 * unpaired.p_attainable);
  }
}

// Far more ways to draw than a double could count.
TEST(GateStatisticsTest, ManyLaunchesNeitherOverflowNorLoseMass) {
  std::vector<double> a, b;
  for (int i = 0; i < 60; ++i) {
    a.push_back(0.001 * i);
    b.push_back(0.001 * i + 0.0005);
  }
  const GateEstimate unpaired = estimate_unpaired({a, b}, 0, 0.95);
  EXPECT_GT(unpaired.p_reg, 0.4);
  EXPECT_LT(unpaired.p_reg, 0.5);
  EXPECT_NEAR(unpaired.theta, 0.0005, 1e-12);
  const std::vector<double> y(200, 0.1);
  EXPECT_EQ(estimate_paired(y, kDelta, 0.95).p_imp, 1);
  EXPECT_EQ(estimate_paired(y, kDelta, 0.95).p_reg, std::exp2(-200));
}

TEST(GateStatisticsTest, HigherIsBetterTurnsTheSign) {
  const std::vector<double> rates{1, 2, 4};
  const auto costs = log_costs(rates, Direction::kHigherIsBetter);
  ASSERT_TRUE(costs);
  EXPECT_GT((*costs)[0], (*costs)[1]);
  EXPECT_DOUBLE_EQ((*costs)[1] - (*costs)[2], std::log(2.0));
}

TEST(GateStatisticsTest, ValuesWithoutALogarithmAreRefusedByLaunch) {
  for (const double value : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    const std::vector<double> values{1, value};
    const auto costs = log_costs(values, Direction::kLowerIsBetter);
    ASSERT_FALSE(costs) << value;
    EXPECT_EQ(costs.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(costs.error().message.find("launch 1 "), std::string::npos);
  }
}

TEST(GateStatisticsTest, FloorIsMetByMediansThatFarApartEitherWay) {
  const std::vector<double> a{100, 102, 900}, b{107, 1, 200};
  EXPECT_TRUE(is_above_floor(a, b, 5));
  EXPECT_TRUE(is_above_floor(b, a, 5));
  EXPECT_FALSE(is_above_floor(a, b, 5.5));
}

}  // namespace
}  // namespace radixbench

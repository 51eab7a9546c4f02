#include "stats/gate_judge.h"

#include "base/random.h"
#include "stats/gate_samples.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kSeed = 20261125;
constexpr double kAlpha = 0.05;
const double kDelta = std::log(1.05);

Json read_vectors() {
  std::ifstream file{RADIXBENCH_SOURCE_DIR "/tests/data/vectors/gate.json"};
  return Json::parse(file);
}

NoisyCell cell_of(std::span<const double> y) { return {estimate_paired(y, kDelta, 0.95)}; }

// A cell judged alone, with enough samples for it.
GateVerdict verdict_alone(const NoisyCell& cell) {
  const std::vector<NoisyCell> cells{cell};
  const auto judged = judge(cells, kAlpha);
  EXPECT_TRUE(judged) << judged.error().message;
  return judged ? judged->front().verdict : GateVerdict::kError;
}

TEST(GateJudgeTest, HolmVectorsComeOut) {
  const Json vectors = read_vectors();
  ASSERT_EQ(vectors["holm"].size(), 1U);
  for (const Json& expected : vectors["holm"]) {
    const std::vector<double> p = expected["p"];
    const std::vector<double> wanted = expected["adj"], got = holm(p);
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-12);
  }
}

TEST(GateJudgeTest, HolmNeverPassesOneAndKeepsTheOrderOfP) {
  EXPECT_EQ(holm(std::vector<double>{0.9, 0.5, 0.8}), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(holm(std::vector<double>{0.25, 0.25}), (std::vector<double>{0.5, 0.5}));
  EXPECT_TRUE(holm({}).empty());
}

TEST(GateJudgeTest, FewestPairsAreThoseOfTheVectors) {
  const Json vectors = read_vectors();
  ASSERT_EQ(vectors["n_min"].size(), 8U);
  for (const auto& [cells, pairs] : vectors["n_min"].items()) {
    EXPECT_EQ(pairs_min(std::stoul(cells), kAlpha), pairs.get<std::size_t>()) << cells;
  }
  // A power of two is met exactly, not missed by a rounding.
  EXPECT_EQ(pairs_min(1, 1.0 / 32), 5U);
  EXPECT_EQ(pairs_min(8, 1.0 / 32), 8U);
}

TEST(GateJudgeTest, OnePairShortIsRefusedAndTheFewestPairsCanFail) {
  for (const std::size_t cells : {1U, 2U, 5U, 10U, 50U}) {
    const std::size_t least = pairs_min(cells, kAlpha);
    const std::vector<double> enough(least, 0.2), one_short(least - 1, -0.2);
    std::vector<NoisyCell> run(cells, cell_of(enough));
    const auto judged = judge(run, kAlpha);
    ASSERT_TRUE(judged) << judged.error().message;
    for (const JudgedCell& cell : *judged) EXPECT_EQ(cell.verdict, GateVerdict::kRegressed);
    run.back() = cell_of(one_short);
    const auto refused = judge(run, kAlpha);
    ASSERT_FALSE(refused) << cells;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(refused.error().message.find("takes " + std::to_string(least)), std::string::npos);
  }
}

// Four against ten reach p = 0.001, and are still too few for a rank sum to be trusted.
TEST(GateJudgeTest, FewerThanFiveLaunchesASideAreRefusedWhateverTheyShow) {
  const std::vector<double> four(4, 0.0), five(5, 0.0), ten(10, 0.5);
  const std::vector<NoisyCell> few{{estimate_unpaired({four, ten}, kDelta, 0.95)}};
  const auto refused = judge(few, kAlpha);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(verdict_alone({estimate_unpaired({five, ten}, kDelta, 0.95)}), GateVerdict::kRegressed);
  EXPECT_EQ(launches_min(1, kAlpha), 5U);
  EXPECT_EQ(launches_min(12, kAlpha), 5U);  // 12 / 252 is under 0.05
  EXPECT_EQ(launches_min(13, kAlpha), 6U);
}

TEST(GateJudgeTest, SwappingSidesTurnsRegressedIntoImprovedAndBack) {
  Random random{kSeed, "swap"};
  SCOPED_TRACE(kSeed);
  std::set<GateVerdict> seen;
  for (int round = 0; round < 200; ++round) {
    const std::vector<double> y = made_up_costs(random, 8, 0.3 * random.uniform() - 0.15, 0.03);
    std::vector<double> swapped;
    for (const double cost : y) swapped.push_back(-cost);
    const GateVerdict verdict = verdict_alone(cell_of(y));
    const GateVerdict mirrored = verdict_alone(cell_of(swapped));
    EXPECT_EQ(verdict == GateVerdict::kRegressed, mirrored == GateVerdict::kImproved);
    EXPECT_EQ(verdict == GateVerdict::kImproved, mirrored == GateVerdict::kRegressed);
    seen.insert(verdict);
  }
  EXPECT_EQ(seen.size(), 4U);  // else the round trip says little
}

int regressed_of(double centre, int rounds) {
  Random random{kSeed, "planted"};
  int regressed = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::vector<double> y = made_up_costs(random, 10, centre, 0.02);
    regressed += verdict_alone(cell_of(y)) == GateVerdict::kRegressed ? 1 : 0;
  }
  return regressed;
}

TEST(GateJudgeTest, PlantedSlowdownIsFoundAndTheSameWithNoneIsNot) {
  SCOPED_TRACE(kSeed);
  EXPECT_GE(regressed_of(std::log(1.10), 500), 490);
  EXPECT_EQ(regressed_of(0, 500), 0);
}

// The worst case of the hypothesis. A right test errs in 99 of 2000 (alpha, less its grain); five
// standard deviations above alpha are 149.
TEST(GateJudgeTest, SlowdownOfExactlyTheToleranceIsCalledRegressedNoOftenerThanAlpha) {
  SCOPED_TRACE(kSeed);
  EXPECT_LE(regressed_of(kDelta, 2'000), 149);
  EXPECT_GE(regressed_of(kDelta, 2'000), 40);  // and it has not gone deaf
}

// Nine quiet cells raise the bar for the tenth: one p of 0.03 is to be expected among ten.
TEST(GateJudgeTest, HolmTakesBackARegressionThatOneOfManyCellsWouldShowByChance) {
  const std::vector<double> quiet(10, 0.0);
  const std::vector<double> doubtful{0.06, 0.07, 0.08, 0.09, 0.10, 0.11, 0.12, 0.02, 0.01, 0.05};
  const NoisyCell doubtful_cell = cell_of(doubtful);
  ASSERT_EQ(verdict_alone(doubtful_cell), GateVerdict::kRegressed);
  std::vector<NoisyCell> run(9, cell_of(quiet));
  run.push_back(doubtful_cell);
  const auto judged = judge(run, kAlpha);
  ASSERT_TRUE(judged);
  EXPECT_EQ(judged->back().verdict, GateVerdict::kInconclusive);
  EXPECT_NEAR(judged->back().p_reg_adjusted, 10 * doubtful_cell.estimate.p_reg, 1e-12);
  EXPECT_EQ(judged->front().verdict, GateVerdict::kPass);
}

TEST(GateJudgeTest, RegressionBelowTheFloorIsInconclusiveNotPass) {
  const std::vector<double> worse(10, 0.2), better(10, -0.2);
  NoisyCell below = cell_of(worse);
  below.is_above_floor = false;
  EXPECT_EQ(verdict_alone(below), GateVerdict::kInconclusive);
  NoisyCell improved = cell_of(better);
  improved.is_above_floor = false;
  EXPECT_EQ(verdict_alone(improved), GateVerdict::kImproved);
}

// Half-width 0.0196 at 95 % is a standard error of 0.01; exp(ln 1.05 + (1.645 + 0.84) 0.01) - 1.
TEST(GateJudgeTest, DetectableSlowdownFollowsFromTheInterval) {
  GateEstimate estimate;
  estimate.lo = -0.0196;
  estimate.hi = 0.0196;
  estimate.delta = kDelta;
  estimate.confidence = 0.95;
  estimate.samples = 10;
  EXPECT_NEAR(slowdown_detectable(estimate, {kAlpha}), 0.07642, 1e-5);
  EXPECT_GT(slowdown_detectable(estimate, {kAlpha / 10}), slowdown_detectable(estimate, {kAlpha}));
}

// ... or from the test's own bound, where that lies further out: exp(ln 1.05 + 0.03 + 0.0084) - 1.
TEST(GateJudgeTest, DetectableSlowdownIsNotLessThanTheTestsBoundAllows) {
  GateEstimate estimate;
  estimate.lo = -0.0196;
  estimate.hi = 0.0196;
  estimate.delta = kDelta;
  estimate.confidence = 0.95;
  estimate.samples = 10;
  EXPECT_NEAR(slowdown_detectable(estimate, {kAlpha, 0.03}), 0.09110, 1e-5);
  EXPECT_EQ(slowdown_detectable(estimate, {kAlpha, 0.01}), slowdown_detectable(estimate, {kAlpha}));
}

TEST(GateJudgeTest, HalfTheRoomTakesFourTimesTheSamples) {
  GateEstimate estimate;
  estimate.lo = -0.0196;
  estimate.hi = 0.0196;
  estimate.delta = kDelta;
  estimate.confidence = 0.95;
  estimate.samples = 10;
  const double room = std::log1p(slowdown_detectable(estimate, {kAlpha})) - kDelta;
  EXPECT_EQ(samples_needed(estimate, {kAlpha}, std::expm1(kDelta + 0.5001 * room)), 40U);
  EXPECT_EQ(samples_needed(estimate, {kAlpha}, 5), 5U);  // never under what can be shown
  EXPECT_FALSE(samples_needed(estimate, {kAlpha}, 0.05));
}

TEST(GateJudgeTest, NothingIsDetectableWhereTheIntervalIsInfinite) {
  const std::vector<double> five{0.01, -0.01, 0.02, 0, 0.005};
  const GateEstimate estimate = estimate_paired(five, kDelta, 0.95);
  EXPECT_TRUE(std::isinf(slowdown_detectable(estimate, {kAlpha})));
  EXPECT_FALSE(samples_needed(estimate, {kAlpha}, 0.1));
}

TEST(GateJudgeTest, SlugsAreTheNineWordsOfTheGate) {
  constexpr std::array kSlugs{"PASS",
                              "REGRESSED",
                              "IMPROVED",
                              "INCONCLUSIVE",
                              "MISSING",
                              "ERROR",
                              "NEW",
                              "INCOMPARABLE",
                              "NONDETERMINISTIC"};
  for (std::size_t i = 0; i < kSlugs.size(); ++i) {
    EXPECT_EQ(to_string(static_cast<GateVerdict>(i)), kSlugs[i]);
  }
}

}  // namespace
}  // namespace radixbench

#include "stats/gate_report.h"

#include "stats/gate_series.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <string>

namespace radixbench {
namespace {

using ::testing::HasSubstr;

TEST(GateReportTest, NoSlowerFasterAndSlowerAreTold) {
  const GateOptions options = rules_of({"wait0:5%", "wire_ops:exact"});
  const GateReport same = judged(MadeUpSeries{}.make(), options);
  EXPECT_EQ(cell_in(same, "wait0").verdict, GateVerdict::kPass);
  EXPECT_EQ(cell_in(same, "wire_ops").verdict, GateVerdict::kPass);
  EXPECT_EQ(end_of(same), GateEnd::kFine);
  const GateReport slower = judged(MadeUpSeries{.slower = 0.2}.make(), options);
  EXPECT_EQ(cell_in(slower, "wait0").verdict, GateVerdict::kRegressed);
  EXPECT_EQ(end_of(slower), GateEnd::kWorse);
  EXPECT_EQ(slower.cells.front().key.metric, "wait0");
  const GateReport faster = judged(MadeUpSeries{.slower = -0.2}.make(), options);
  EXPECT_EQ(cell_in(faster, "wait0").verdict, GateVerdict::kImproved);
  EXPECT_EQ(end_of(faster), GateEnd::kFine);
}

TEST(GateReportTest, SwappingTheSidesSwapsTheVerdict) {
  LaunchSet set = MadeUpSeries{.slower = 0.2}.make();
  const GateOptions options = rules_of({"wait0:5%"});
  const GateReport one_way = judged(set, options);
  for (Launch& launch : set.launches) {
    launch.side = launch.side == LaunchSide::kA ? LaunchSide::kB : LaunchSide::kA;
  }
  const GateReport other_way = judged(set, options);
  const GateEstimate& forth = *cell_in(one_way, "wait0").estimate;
  const GateEstimate& back = *cell_in(other_way, "wait0").estimate;
  EXPECT_NEAR(forth.theta, -back.theta, 1e-12);
  EXPECT_NEAR(forth.lo, -back.hi, 1e-12);
  EXPECT_EQ(forth.p_reg, back.p_imp);
  EXPECT_EQ(cell_in(other_way, "wait0").verdict, GateVerdict::kImproved);
}

// 20 % slower than a tolerance of 5 % allows, at noise from none to twice as much as that.
TEST(GateReportTest, NoiseMakesPassesOfNothingNoMoreOftenThanAlpha) {
  int passes = 0;
  constexpr int kSeries = 200;
  for (int series = 1; series <= kSeries; ++series) {
    const auto seed = static_cast<std::uint64_t>(series);
    const double stddev = 0.005 * (series % 100);
    const GateReport report = judged(
        MadeUpSeries{.slower = 0.2, .stddev = stddev, .seed = seed}.make(), rules_of({"wait0:5%"}));
    passes += cell_in(report, "wait0").verdict == GateVerdict::kPass ? 1 : 0;
  }
  EXPECT_EQ(passes, 1) << "of " << kSeries << "; alpha allows 10";
}

TEST(GateReportTest, TooFewPairsAreRefusedAndSaidHowMany) {
  const auto refusal = [](std::size_t pairs, std::size_t cells) {
    const Result<GateReport> report = judge_launches(
        MadeUpSeries{.pairs = pairs, .noisy_cells = cells}.make(), rules_of({"wait*:5%"}));
    return report ? std::string{} : report.error().message;
  };
  EXPECT_THAT(refusal(4, 1), HasSubstr("has 4 pairs; to gate 1 noisy cells at alpha 0.05 takes 5"));
  EXPECT_EQ(refusal(5, 1), "");
  EXPECT_THAT(refusal(8, 20),
              HasSubstr("has 8 pairs; to gate 20 noisy cells at alpha 0.05 takes 9"));
  EXPECT_EQ(refusal(9, 20), "");
  const Result<GateReport> report =
      judge_launches(MadeUpSeries{.pairs = 4}.make(), rules_of({"wait*:5%"}));
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
}

TEST(GateReportTest, ExactCellsNeedNoPairs) {
  LaunchSet set = MadeUpSeries{.pairs = 1}.make();
  for_side(set, LaunchSide::kB, [](Launch& launch) { launch.cells[0].value += 1; });
  const GateReport report = judged(set, rules_of({"wire_ops:exact"}));
  EXPECT_EQ(cell_in(report, "wire_ops").verdict, GateVerdict::kRegressed);
  EXPECT_EQ(cell_in(report, "wire_ops").reason, "+1 exact");
  EXPECT_EQ(end_of(report), GateEnd::kWorse);
}

TEST(GateReportTest, ExactCellsKnowBetterWorseToleratedAndChanged) {
  const auto verdict = [](const char* rule, double change, int direction) {
    LaunchSet set = MadeUpSeries{}.make();
    for (Launch& launch : set.launches) {
      launch.cells[0].direction = static_cast<std::int8_t>(direction);
      if (launch.side == LaunchSide::kB) launch.cells[0].value += change;
    }
    return cell_in(judged(set, rules_of({rule})), "wire_ops").verdict;
  };
  EXPECT_EQ(verdict("wire_ops:exact", 0, -1), GateVerdict::kPass);
  EXPECT_EQ(verdict("wire_ops:exact", -1, -1), GateVerdict::kImproved);
  EXPECT_EQ(verdict("wire_ops:exact", 1, 1), GateVerdict::kImproved);
  EXPECT_EQ(verdict("wire_ops:exact", -1, 1), GateVerdict::kRegressed);
  EXPECT_EQ(verdict("wire_ops:exact", -1, 0), GateVerdict::kRegressed);
  EXPECT_EQ(verdict("wire_ops:1%", 40, -1), GateVerdict::kPass);
  EXPECT_EQ(verdict("wire_ops:1%", 41, -1), GateVerdict::kRegressed);
  EXPECT_EQ(verdict("wire_ops:10count", 10, -1), GateVerdict::kPass);
  EXPECT_EQ(verdict("wire_ops:10count", 11, -1), GateVerdict::kRegressed);
}

TEST(GateReportTest, AnExactValueThatVariesWithinASideIsNondeterministic) {
  for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB, LaunchSide::kSelfCheck}) {
    LaunchSet set = MadeUpSeries{.self_pairs = 5}.make();
    for (Launch& launch : set.launches) {
      if (launch.side == side && launch.pair == 3) launch.cells[0].value = 4097;
    }
    const GateReport report = judged(set, rules_of({"wire_ops:exact"}));
    EXPECT_EQ(cell_in(report, "wire_ops").verdict, GateVerdict::kNondeterministic);
    EXPECT_THAT(cell_in(report, "wire_ops").reason, HasSubstr("4097 in 1"));
    EXPECT_EQ(end_of(report), GateEnd::kWorse);
  }
}

TEST(GateReportTest, ARegressionBelowTheFloorIsNoneAndNoPass) {
  const LaunchSet set = MadeUpSeries{.slower = 0.1}.make();  // 100 us and some 110 us
  const GateReport report = judged(set, rules_of({"wait0:5%,abs=1ms"}));
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kInconclusive);
  EXPECT_THAT(cell_in(report, "wait0").reason, HasSubstr("below abs floor"));
}

TEST(GateReportTest, TheClockSetsTheFloorWhereTheRuleDoesNot) {
  LaunchSet set = MadeUpSeries{.slower = 0.1}.make();
  EXPECT_EQ(cell_in(judged(set, rules_of({"wait0:5%"})), "wait0").abs_floor, 80);
  for (Launch& launch : set.launches) launch.clock_overhead_ns = 1'000'000;
  EXPECT_NE(cell_in(judged(set, rules_of({"wait0:5%"})), "wait0").verdict, GateVerdict::kRegressed);
}

TEST(GateReportTest, LooksShareAlphaAndAnEarlyRegressionStays) {
  GateOptions options = rules_of({"wait0:5%"});
  options.looks = 3;
  options.pairs_max = 30;
  // Slower in the first ten pairs only: passing the later looks does not take it back.
  LaunchSet set = MadeUpSeries{.pairs = 30}.make();
  for (Launch& launch : set.launches) {
    if (launch.side == LaunchSide::kB && launch.pair < 10) launch.cells[1].value *= 1.3;
  }
  const GateReport report = judged(set, options);
  EXPECT_EQ(report.looks_taken, 3U);
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kRegressed);
  EXPECT_THAT(cell_in(report, "wait0").reason, HasSubstr("shown by the first 10 pairs"));
  // Five pairs are enough at alpha 0.05, and not at a third of it.
  EXPECT_FALSE(judge_launches(MadeUpSeries{.pairs = 5}.make(), options));
  EXPECT_TRUE(judge_launches(MadeUpSeries{.pairs = 6}.make(), options));
}

TEST(GateReportTest, CellsAreAdjustedForOneAnotherExceptThoseThatAreOnlyTracked) {
  const LaunchSet set = MadeUpSeries{.slower = 0.2, .noisy_cells = 6}.make();
  const GateReport all = judged(set, rules_of({"wait*:5%"}));
  EXPECT_NEAR(cell_in(all, "wait0").p_adjusted, 6 * std::exp2(-10), 1e-12);
  const GateReport one = judged(set, rules_of({"wait*:5%,track", "wait0:5%"}));
  EXPECT_NEAR(cell_in(one, "wait0").p_adjusted, std::exp2(-10), 1e-12);
  EXPECT_EQ(cell_in(one, "wait1").verdict, GateVerdict::kRegressed);
  EXPECT_EQ(one.count(GateVerdict::kRegressed), 1U);
}

TEST(GateReportTest, ARuleMayHaveAnAlphaOfItsOwn) {
  const LaunchSet set = MadeUpSeries{.pairs = 6, .slower = 0.2}.make();  // p is 1/64
  EXPECT_EQ(cell_in(judged(set, rules_of({"wait0:5%,alpha=0.02"})), "wait0").verdict,
            GateVerdict::kRegressed);
  EXPECT_FALSE(judge_launches(set, rules_of({"wait0:5%,alpha=0.01"})));
}

TEST(GateReportTest, HigherIsBetterAndNoDirectionTurnTheQuestion) {
  const auto verdict = [](double slower, int direction) {
    LaunchSet set = MadeUpSeries{.slower = slower}.make();
    for (Launch& launch : set.launches) {
      launch.cells[1].direction = static_cast<std::int8_t>(direction);
    }
    return cell_in(judged(set, rules_of({"wait0:5%"})), "wait0").verdict;
  };
  EXPECT_EQ(verdict(0.2, 1), GateVerdict::kImproved);
  EXPECT_EQ(verdict(-0.2, 1), GateVerdict::kRegressed);
  EXPECT_EQ(verdict(0.2, 0), GateVerdict::kRegressed);
  EXPECT_EQ(verdict(-0.2, 0), GateVerdict::kRegressed);
  EXPECT_EQ(verdict(0, 0), GateVerdict::kPass);
}

TEST(GateReportTest, AnInconclusiveCellSaysWhatCouldHaveBeenFound) {
  const GateReport report =
      judged(MadeUpSeries{.slower = 0.05, .stddev = 0.05}.make(), rules_of({"wait0:5%"}));
  const GateCell& cell = cell_in(report, "wait0");
  EXPECT_EQ(cell.verdict, GateVerdict::kInconclusive);
  EXPECT_THAT(cell.reason, HasSubstr("MDE "));
  EXPECT_THAT(cell.reason, HasSubstr("pairs would show 10.2 %"));
  EXPECT_FALSE(is_decided(report));
  EXPECT_TRUE(is_decided(judged(MadeUpSeries{}.make(), rules_of({"wait0:5%"}))));
}

TEST(GateReportTest, ZeroHasNoRatioAndDecidesNothing) {
  LaunchSet set = MadeUpSeries{}.make();
  set.launches[0].cells[1].value = 0;
  const GateReport report = judged(set, rules_of({"wait0:5%"}));
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kInconclusive);
  EXPECT_THAT(cell_in(report, "wait0").reason, HasSubstr("launch A0 of A measured 0"));
}

TEST(GateReportTest, RulesThatMatchNothingAndPairsThatRepeatAreRefused) {
  LaunchSet set = MadeUpSeries{}.make();
  const Result<GateReport> unmatched = judge_launches(set, rules_of({"wiat0:5%"}));
  ASSERT_FALSE(unmatched);
  EXPECT_EQ(unmatched.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unmatched.error().message, HasSubstr("'wiat0:5%' matches no cell; there are"));
  EXPECT_THAT(unmatched.error().message, HasSubstr("wait0@p50 (noisy)"));
  EXPECT_TRUE(judge_launches(set, rules_of({"wiat0:5%,optional", "wait0:5%"})));
  set.launches[2].pair = 0;
  EXPECT_EQ(judge_launches(set, rules_of({"wait0:5%"})).error().code, ErrorCode::kCorrupt);
}

TEST(GateReportTest, NothingOnEitherSideIsNothingComparable) {
  EXPECT_EQ(end_of(judged(LaunchSet{}, rules_of({"wait0:5%"}))), GateEnd::kNothingComparable);
}

TEST(GateReportTest, OnAQuietMachineTwentyPercentAreAlwaysFound) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const GateReport report =
        judged(MadeUpSeries{.slower = std::log(1.2), .stddev = 0.02, .seed = seed, .noisy_cells = 6}
                   .make(),
               rules_of({"wait*:5%"}));
    EXPECT_EQ(report.count(GateVerdict::kRegressed), 6U) << "seed " << seed;
  }
}

// Counts of a simulation from a seed: exactly these, and none may be false.
TEST(GateReportTest, SameProgramsAreNeverToldApartUnderDrift) {
  std::map<GateVerdict, int> verdicts;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    LaunchSet set = MadeUpSeries{.stddev = 0.02, .seed = seed}.make();
    double launch_number = 0;
    for (Launch& launch : set.launches) {
      launch.cells[1].value *= std::exp(0.06 * launch_number++ / 20);  // 6 % slower by its end
    }
    ++verdicts[cell_in(judged(set, rules_of({"wait0:5%"})), "wait0").verdict];
  }
  EXPECT_EQ(verdicts[GateVerdict::kRegressed], 0);
  EXPECT_EQ(verdicts[GateVerdict::kImproved], 0);
  EXPECT_EQ(verdicts[GateVerdict::kPass] + verdicts[GateVerdict::kInconclusive], 300);
  EXPECT_GT(verdicts[GateVerdict::kPass], 250);
}

}  // namespace
}  // namespace radixbench

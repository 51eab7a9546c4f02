#include "stats/gate_report.h"

#include "base/random.h"
#include "stats/gate_samples.h"
#include "support/made_up_launches.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>

namespace radixbench {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSeed = 20261125;

// Launches of A, B and A' in pairs. Every noisy cell is a cost around its side's centre.
struct MadeUpSeries {
  std::size_t pairs = 10;
  double slower = 0;  // ln of B over A
  double stddev = 0.01;
  std::uint64_t seed = kSeed;
  std::size_t noisy_cells = 1;
  std::size_t self_pairs = 0;
  double self_slower = 0;

  [[nodiscard]] LaunchSet make() const {
    LaunchSet set;
    set.label = "made up";
    Random random{seed, "series"};
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      set.launches.push_back(launch(LaunchSide::kA, pair, 0, random));
      set.launches.push_back(launch(LaunchSide::kB, pair, slower, random));
      if (pair < self_pairs) {
        set.launches.push_back(launch(LaunchSide::kSelfCheck, pair, self_slower, random));
      }
    }
    return set;
  }

  [[nodiscard]] Launch launch(LaunchSide side,
                              std::size_t pair,
                              double centre,
                              Random& random) const {
    Launch made = made_up_launch(side, static_cast<std::int32_t>(pair));
    made.cells.push_back(exact_cell("wire_ops", 4096));
    const std::vector<double> costs = made_up_costs(random, noisy_cells, centre, stddev);
    for (std::size_t i = 0; i < noisy_cells; ++i) {
      made.cells.push_back(
          noisy_cell("wait" + std::to_string(i), "p50", 100'000 * std::exp(costs[i])));
    }
    return made;
  }
};

GateOptions rules_of(const std::vector<std::string>& texts) {
  GateOptions options;
  for (const std::string& text : texts) {
    options.rules.push_back(parse_gate_rule(text, GateAction::kFail).value());
  }
  return options;
}

GateReport judged(const LaunchSet& set, const GateOptions& options) {
  Result<GateReport> report = judge_launches(set, options);
  EXPECT_TRUE(report) << report.error().message;
  return report ? *report : GateReport{};
}

const GateCell& cell_in(const GateReport& report, const std::string& metric) {
  for (const GateCell& cell : report.cells) {
    if (cell.key.metric == metric) return cell;
  }
  ADD_FAILURE() << "no " << metric;
  static const GateCell kNone;
  return kNone;
}

void for_side(LaunchSet& set, LaunchSide side, const std::function<void(Launch&)>& change) {
  for (Launch& launch : set.launches) {
    if (launch.side == side) change(launch);
  }
}

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

TEST(GateReportTest, WhatOnlyOneSideHasIsMissingOrNew) {
  LaunchSet set = MadeUpSeries{.noisy_cells = 2}.make();
  for_side(
      set, LaunchSide::kB, [](Launch& launch) { launch.cells.erase(launch.cells.begin() + 1); });
  GateOptions options = rules_of({"wait*:5%"});
  GateReport report = judged(set, options);
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kMissing);
  EXPECT_EQ(cell_in(report, "wait1").verdict, GateVerdict::kPass);
  EXPECT_EQ(end_of(report), GateEnd::kWorse);
  options.may_miss = true;
  EXPECT_EQ(end_of(judged(set, options)), GateEnd::kFine);
  for (Launch& launch : set.launches) {
    launch.side = launch.side == LaunchSide::kA ? LaunchSide::kB : LaunchSide::kA;
  }
  report = judged(set, options);
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kNew);
  EXPECT_EQ(end_of(report), GateEnd::kFine);
}

TEST(GateReportTest, ACellThatSomeLaunchesOfBLackIsMissing) {
  LaunchSet set = MadeUpSeries{}.make();
  set.launches[1].cells.resize(1);
  const GateReport report = judged(set, rules_of({"wait0:5%"}));
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kMissing);
  EXPECT_THAT(cell_in(report, "wait0").reason, HasSubstr("1 of B's launches"));
}

TEST(GateReportTest, ALaunchThatFailedIsAnErrorOfAllItsCells) {
  for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB}) {
    LaunchSet set = MadeUpSeries{}.make();
    for (Launch& launch : set.launches) {
      if (launch.side != side || launch.pair != 4) continue;
      launch.failure = "a rank died";
      launch.cells.clear();
    }
    const GateReport report = judged(set, rules_of({"wait0:5%", "wire_ops:exact"}));
    EXPECT_EQ(report.count(GateVerdict::kError), 2U);
    EXPECT_THAT(report.cells[0].reason, HasSubstr("a rank died"));
    EXPECT_THAT(report.cells[0].reason, HasSubstr("of pair 4"));
    EXPECT_EQ(end_of(report), GateEnd::kWorse);
  }
}

TEST(GateReportTest, LaunchesThatAllFailedAreAnErrorToo) {
  LaunchSet set = MadeUpSeries{}.make();
  for (Launch& launch : set.launches) {
    launch.failure = "no such file";
    launch.cells.clear();
  }
  const GateReport report = judged(set, rules_of({"wait0:5%"}));
  ASSERT_EQ(report.cells.size(), 1U);
  EXPECT_EQ(report.cells[0].verdict, GateVerdict::kError);
  EXPECT_EQ(end_of(report), GateEnd::kWorse);
}

TEST(GateReportTest, AnotherEnvironmentOrBenchVersionIsIncomparableAndSaysWhich) {
  LaunchSet set = MadeUpSeries{}.make();
  for_side(set, LaunchSide::kB, [](Launch& launch) {
    for (auto& [field, value] : launch.fingerprint) {
      if (field == "kernel") value = "6.5";
    }
  });
  GateOptions options = rules_of({"wait0:5%", "wire_ops:exact"});
  GateReport report = judged(set, options);
  EXPECT_EQ(report.count(GateVerdict::kIncomparable), 2U);
  EXPECT_THAT(report.cells[0].reason, HasSubstr("kernel: unknown and 6.5"));
  EXPECT_EQ(end_of(report), GateEnd::kNothingComparable);
  options.across = {"kernel"};
  EXPECT_EQ(end_of(judged(set, options)), GateEnd::kFine);

  set = MadeUpSeries{}.make();
  for_side(set, LaunchSide::kB, [](Launch& launch) { launch.cells[1].bench_version = 2; });
  options = rules_of({"wait0:5%", "wire_ops:exact"});
  report = judged(set, options);
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kIncomparable);
  EXPECT_EQ(cell_in(report, "wait0").reason, "bench_version: A 1, B 2");
  EXPECT_EQ(cell_in(report, "wire_ops").verdict, GateVerdict::kPass);
  EXPECT_EQ(end_of(report), GateEnd::kFine);
  options.is_conclusion_required = true;
  EXPECT_EQ(end_of(judged(set, options)), GateEnd::kNothingComparable);
}

TEST(GateReportTest, SidesThatWerePairedMayDifferInWhatTheyRan) {
  LaunchSet set = MadeUpSeries{.slower = 0.2}.make();
  for_side(set, LaunchSide::kB, [](Launch& launch) {
    for (LaunchCell& cell : launch.cells) {
      cell.key.agreement = "fused";
      cell.key.layout = "sglang:tp=4";
      cell.key.tp = 4;
    }
    for (auto& [field, value] : launch.fingerprint) {
      if (field == "layout") value = "sglang:tp=4";
    }
  });
  const GateReport report = judged(set, rules_of({"wait0{agreement=fused}:5%", "wire_ops:exact"}));
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kRegressed);
  EXPECT_EQ(cell_in(report, "wait0").key.agreement, "attn_groups->fused");
  EXPECT_EQ(cell_in(report, "wire_ops").verdict, GateVerdict::kPass);
}

TEST(GateReportTest, SetsThatWereNotPairedMayDifferOnlyIfToldSo) {
  LaunchSet a = MadeUpSeries{}.make();
  std::erase_if(a.launches, [](const Launch& launch) { return launch.side != LaunchSide::kA; });
  LaunchSet b = MadeUpSeries{.seed = 2}.make();
  std::erase_if(b.launches, [](const Launch& launch) { return launch.side != LaunchSide::kB; });
  for (LaunchSet* set : {&a, &b}) {
    for (Launch& launch : set->launches) launch.pair = -1;
  }
  for (Launch& launch : b.launches) {
    for (LaunchCell& cell : launch.cells) cell.key.agreement = "fused";
  }
  GateOptions options = rules_of({"wait0:5%"});
  const Result<GateReport> apart = judge_launches(a, b, options);
  ASSERT_TRUE(apart);
  EXPECT_EQ(apart->count(GateVerdict::kMissing), 1U);
  EXPECT_EQ(apart->count(GateVerdict::kNew), 1U);
  ASSERT_EQ(apart->warnings.size(), 1U);
  EXPECT_THAT(apart->warnings[0], HasSubstr("--across agreement"));
  options.across = {"agreement"};
  const Result<GateReport> together = judge_launches(a, b, options);
  ASSERT_TRUE(together);
  EXPECT_FALSE(together->is_paired);
  EXPECT_EQ(cell_in(*together, "wait0").verdict, GateVerdict::kPass);
  EXPECT_THAT(cell_in(*together, "wait0").reason, HasSubstr("unpaired"));
  options.across = {"colour"};
  EXPECT_EQ(judge_launches(a, b, options).error().code, ErrorCode::kInvalidArgument);
}

TEST(GateReportTest, BaselinesThatMovedWidenTheToleranceOfUnpairedCells) {
  const auto side = [](LaunchSide which, double slower, std::uint64_t seed) {
    LaunchSet set = MadeUpSeries{.slower = slower, .seed = seed}.make();
    std::erase_if(set.launches, [&](const Launch& launch) { return launch.side != which; });
    for (Launch& launch : set.launches) launch.pair = -1;
    return set;
  };
  const auto baseline = [&](double slower, std::uint64_t seed) {
    LaunchSet set = side(LaunchSide::kB, slower, seed);
    for (Launch& launch : set.launches) launch.side = LaunchSide::kA;
    return set;
  };
  const LaunchSet a = baseline(0, 3);
  const LaunchSet b = side(LaunchSide::kB, 0.1, 4);
  const GateOptions options = rules_of({"wait0:5%"});
  EXPECT_EQ(cell_in(*judge_launches(a, b, options), "wait0").verdict, GateVerdict::kRegressed);
  const std::vector<LaunchSet> calm{baseline(0, 5), baseline(0, 6), a};
  EXPECT_EQ(cell_in(*judge_launches(a, b, options, calm), "wait0").verdict,
            GateVerdict::kRegressed);
  const std::vector<LaunchSet> moved{baseline(0.1, 5), baseline(-0.1, 6), a};
  const GateReport widened = *judge_launches(a, b, options, moved);
  EXPECT_NE(cell_in(widened, "wait0").verdict, GateVerdict::kRegressed);
  EXPECT_GT(cell_in(widened, "wait0").tolerance, 0.15);
  EXPECT_THAT(cell_in(widened, "wait0").reason, HasSubstr("baselines moved as much"));
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

TEST(GateReportTest, MoreRanksThanCoresLeaveOnlyCounts) {
  LaunchSet set = MadeUpSeries{.slower = 0.2}.make();
  for (Launch& launch : set.launches) launch.ranks = 8;
  GateOptions options = rules_of({"wait0:5%", "wire_ops:exact"});
  const GateReport report = judged(set, options);
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kInconclusive);
  EXPECT_THAT(cell_in(report, "wait0").reason, HasSubstr("8 ranks on 4 cores"));
  EXPECT_EQ(cell_in(report, "wire_ops").verdict, GateVerdict::kPass);
  EXPECT_EQ(end_of(report), GateEnd::kFine);
  options.is_conclusion_required = true;
  EXPECT_EQ(end_of(judged(set, options)), GateEnd::kInconclusive);
  options.may_outnumber_cores = true;
  EXPECT_EQ(cell_in(judged(set, options), "wait0").verdict, GateVerdict::kRegressed);
}

TEST(GateReportTest, ATestbedThatTellsAFromAHasNoSay) {
  const GateOptions options = rules_of({"wait0:5%", "wire_ops:exact"});
  const GateReport quiet = judged(MadeUpSeries{.slower = 0.2, .self_pairs = 5}.make(), options);
  ASSERT_TRUE(quiet.self_check);
  EXPECT_TRUE(quiet.self_check->is_quiet) << quiet.self_check->reason;
  EXPECT_EQ(cell_in(quiet, "wait0").verdict, GateVerdict::kRegressed);
  for (const MadeUpSeries& series :
       {MadeUpSeries{.slower = 0.2, .self_pairs = 5, .self_slower = 0.2},
        MadeUpSeries{.slower = 0.2, .self_pairs = 5, .self_slower = -0.2},
        MadeUpSeries{.slower = 0.9, .stddev = 0.15, .self_pairs = 5},
        MadeUpSeries{.slower = 0.2, .self_pairs = 3}}) {
    const GateReport report = judged(series.make(), options);
    EXPECT_FALSE(report.self_check->is_quiet);
    EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kInconclusive);
    EXPECT_THAT(cell_in(report, "wait0").reason, HasSubstr("noisy_testbed"));
    EXPECT_EQ(cell_in(report, "wire_ops").verdict, GateVerdict::kPass);
  }
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

// What the sides are made of: environments, pairs, launches that failed, baselines, A once more.

#include "stats/gate_series.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace radixbench {
namespace {

using ::testing::HasSubstr;

TEST(GateSidesTest, WhatOnlyOneSideHasIsMissingOrNew) {
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

TEST(GateSidesTest, ACellThatSomeLaunchesOfBLackIsMissing) {
  LaunchSet set = MadeUpSeries{}.make();
  set.launches[1].cells.resize(1);
  const GateReport report = judged(set, rules_of({"wait0:5%"}));
  EXPECT_EQ(cell_in(report, "wait0").verdict, GateVerdict::kMissing);
  EXPECT_THAT(cell_in(report, "wait0").reason, HasSubstr("1 of B's launches"));
}

TEST(GateSidesTest, ALaunchThatFailedIsAnErrorOfAllItsCells) {
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

TEST(GateSidesTest, LaunchesThatAllFailedAreAnErrorToo) {
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

TEST(GateSidesTest, AnotherEnvironmentOrBenchVersionIsIncomparableAndSaysWhich) {
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

TEST(GateSidesTest, SidesThatWerePairedMayDifferInWhatTheyRan) {
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

TEST(GateSidesTest, SetsThatWereNotPairedMayDifferOnlyIfToldSo) {
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

TEST(GateSidesTest, BaselinesThatMovedWidenTheToleranceOfUnpairedCells) {
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

TEST(GateSidesTest, MoreRanksThanCoresLeaveOnlyCounts) {
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

TEST(GateSidesTest, ATestbedThatTellsAFromAHasNoSay) {
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

TEST(GateSidesTest, ALaunchWithoutItsPartnerIsSaidAndLeftOut) {
  LaunchSet set = MadeUpSeries{}.make();
  set.launches.pop_back();
  const GateReport report = judged(set, rules_of({"wait0:5%"}));
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_EQ(report.warnings[0], "pair 9 lacks a launch of B");
  EXPECT_EQ(cell_in(report, "wait0").a.size(), 9U);
}

}  // namespace
}  // namespace radixbench

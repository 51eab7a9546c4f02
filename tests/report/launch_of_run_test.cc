#include "report/launch_of_run.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace radixbench {
namespace {

SummaryCell times_of(const char* metric, std::uint64_t n) {
  SummaryCell cell;
  cell.metric = metric;
  cell.stat = "p50";
  cell.unit = "ns";
  cell.direction = -1;
  cell.n = n;
  cell.floor = 1;
  cell.p50 = cell.value = 2;
  cell.p95 = 3;
  cell.p99 = 4;
  cell.mean = 2.5;
  return cell;
}

MasterData run_on(const std::string& clock) {
  MasterData run;
  run.identity.run_id = "id";
  run.identity.world_size = 2;
  run.identity.provenance = {{"kernel", "6.1.0-18-amd64"},
                             {"cpus_allowed", "4"},
                             {"clock_overhead_ns", "20"},
                             {"cache_state_at_start", "cold"}};
  run.variables = {
      "t.jsonl", "sglang:tp=2", 2, 1, 1, 1, "fixed", "attn_groups", "shm", "timeout", clock, 64};
  for (Rank rank = 0; rank < 2; ++rank) {
    run.rank_files.push_back({rank, "", "", 0, 0, true, RankStatus::kComplete});
  }
  SummaryCell count;
  count.metric = "wire_ops";
  count.stat = "total";
  count.unit = "1";
  count.metric_class = MetricClass::kExact;
  count.direction = -1;
  count.n = 1;
  count.value = 4096;
  run.cells = {count,
               times_of("agreement_per_step_max", 100),
               times_of("wait", 99),
               times_of("confirm_delay", 100),
               times_of("skew", 0)};
  return run;
}

std::vector<std::string> stats_of(const Launch& launch, const std::string& metric) {
  std::vector<std::string> stats;
  for (const LaunchCell& cell : launch.cells) {
    if (cell.key.metric == metric) stats.push_back(cell.key.stat);
  }
  return stats;
}

MetricClass class_in(const Launch& launch, const std::string& metric) {
  const auto found = std::find_if(launch.cells.begin(), launch.cells.end(), [&](const auto& cell) {
    return cell.key.metric == metric;
  });
  return found->metric_class;
}

TEST(LaunchOfRunTest, TailsNeedAHundredIterationsAndNoSamplesNoCell) {
  const Launch launch = launch_of_run(run_on("virtual"));
  using Stats = std::vector<std::string>;
  EXPECT_EQ(stats_of(launch, "wire_ops"), Stats{"total"});
  EXPECT_EQ(stats_of(launch, "agreement_per_step_max"),
            (Stats{"p50", "floor", "p95", "p99", "mean"}));
  EXPECT_EQ(stats_of(launch, "wait"), (Stats{"p50", "floor", "p95", "mean"}));
  EXPECT_EQ(stats_of(launch, "skew"), Stats{});
}

TEST(LaunchOfRunTest, WhatTheVirtualClockComputesIsExactAndNothingIsOnTheWallClock) {
  const Launch virtual_run = launch_of_run(run_on("virtual"));
  EXPECT_EQ(class_in(virtual_run, "wire_ops"), MetricClass::kExact);
  EXPECT_EQ(class_in(virtual_run, "confirm_delay"), MetricClass::kExact);
  EXPECT_EQ(class_in(virtual_run, "wait"), MetricClass::kNoisy);
  EXPECT_EQ(stats_of(virtual_run, "confirm_delay"),
            (std::vector<std::string>{"p50", "floor", "p95", "p99"}));
  const Launch wall_run = launch_of_run(run_on("wall"));
  EXPECT_EQ(class_in(wall_run, "wire_ops"), MetricClass::kNoisy);
  EXPECT_EQ(class_in(wall_run, "confirm_delay"), MetricClass::kNoisy);
}

TEST(LaunchOfRunTest, EnvironmentAndSizeComeAlong) {
  const Launch launch = launch_of_run(run_on("virtual"));
  EXPECT_EQ(launch.ranks, 2U);
  EXPECT_EQ(launch.cores, 4U);
  EXPECT_EQ(launch.clock_overhead_ns, 20);
  EXPECT_EQ(launch.failure, "");
  const auto value_of = [&](const std::string& name) {
    for (const auto& [field, value] : launch.fingerprint) {
      if (field == name) return value;
    }
    return std::string{"none"};
  };
  EXPECT_EQ(value_of("kernel"), "6.1");
  EXPECT_EQ(value_of("cores"), "4");
  EXPECT_EQ(value_of("layout"), "sglang:tp=2");
  EXPECT_EQ(value_of("page_size"), "64");
  EXPECT_EQ(value_of("gpu"), "");
}

TEST(LaunchOfRunTest, RepairsThatAreOffAreTakenInFull) {
  MasterData run = run_on("virtual");
  run.variables.rules = "fixed without ne";
  run.identity.options = {{"rules", "fixed"}, {"without", "neutral"}};
  EXPECT_EQ(launch_of_run(run).cells.front().key.rules, "fixed without neutral");
}

TEST(LaunchOfRunTest, ARunWithoutAllItsRanksOrItsEndFailed) {
  MasterData run = run_on("virtual");
  run.rank_files[1].status = RankStatus::kAborted;
  EXPECT_EQ(launch_of_run(run).failure, "rank 1 did not come to its end: aborted");
  run.identity.provenance.emplace_back("run_end", "a deadline passed or a rank died");
  EXPECT_EQ(launch_of_run(run).failure, "a deadline passed or a rank died");
  run.rank_files[0].is_readable = false;
  EXPECT_EQ(launch_of_run(run).failure, "the record of rank 0 is missing");
}

}  // namespace
}  // namespace radixbench

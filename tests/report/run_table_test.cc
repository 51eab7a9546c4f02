#include "report/run_table.h"

#include <gmock/gmock.h>

#include <sstream>

namespace radixbench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Distribution times(std::uint64_t count, std::int64_t p50) {
  return {count, p50 / 2, p50, p50 * 2, p50 * 3, p50 * 10, static_cast<double>(p50), 1};
}

RunReport made_up_report() {
  RunReport report;
  report.heading = {"20261123T170512Z-4f2a91c0",
                    "conversation_trace.jsonl",
                    "sglang:tp=8,cp=2",
                    4,
                    2,
                    1,
                    1,
                    "fixed",
                    "attn_groups",
                    "shm",
                    "virtual",
                    "timeout",
                    "unique",
                    "memory",
                    64,
                    1,
                    {{"--abort", "0.05"}},
                    2,
                    0,
                    "runs/a"};
  report.rows = {12'031, 12'031, 0, 0};
  report.sites = {{2, "writing_check", true, true, false},
                  {7, "drain_storage_control_queues", true, true, true},
                  {9, "forward", false, true, false}};
  RunSummary& summary = report.summary;
  summary.ranks = 8;
  summary.requests_served = 11'900;
  summary.requests_aborted = 131;
  summary.tokens = {
      1'000'000, 400'000, 100'000, 50'000, 450'000, 11'900, 3'000, 40, 500, 4'000'000};
  summary.fates = {1'500, 1'200, 90'000, 20'000, 5'000, 4'000, 1'000, 2'000, 0, 58'000, 50'000};
  summary.steps = 50'000;
  summary.rank_steps = 400'000;
  summary.agreements = 1'300'000;
  summary.wire_ops = 2'600'000;
  summary.operations = 2'600'000;
  summary.agreement_ns = times(400'000, 212'400);
  summary.wait_ns = times(2'600'000, 43'210);
  summary.wire_ns = times(2'600'000, 8'100);
  summary.drain_ns = times(400'000, 95'000);
  summary.blocked_ns = times(400'000, 300'000);
  summary.confirm_ns = times(1'200, 25'000'000);
  summary.last_count = {100, 100, 100, 100, 100, 100, 100, 300};
  for (const SiteInfo& site : report.sites) {
    summary.sites.push_back(
        {site, 400'000, 800'000, 50'000, times(800'000, 40'000), times(800'000, 8'000)});
  }
  summary.identities = {{"input = device + host + storage + computed", 95'200, 0, ""}};
  summary.run_ns = 3'600'000'000'000;
  summary.wall_ns = 300'000'000'000;
  Divergence clean;
  clean.ranks = {0, 1, 2, 3, 4, 5, 6, 7};
  clean.steps_compared = 50'000;
  report.divergences = {clean};
  return report;
}

constexpr const char* kGolden =
    R"(radixbench replay of conversation_trace.jsonl, run 20261123T170512Z-4f2a91c0
  layout      sglang:tp=8,cp=2: 8 ranks = attention TP 4 x CP 2 x replicas 1 x stages 1
  protocol    rules fixed, agreement attn_groups, prefetch policy timeout
  run         transport shm, clock virtual, page size 64, storage memory, output blocks unique,
              seed 1
  with        --abort 0.05

Requests: 12,031 = 11,900 served + 131 aborted + 0 rejected; 4,000,000 tokens generated

input tokens by tier            tokens  of input
device                         400,000    40.0 %
host                           100,000    10.0 %
storage                         50,000     5.0 %
computed                       450,000    45.0 %
  of them the last token        11,900     1.2 %
  of them below a page           3,000     0.3 %
  of them load-back refused         40     0.0 %
  of them prefetch cut             500     0.1 %
input                        1,000,000   100.0 %

prefetched tokens by fate       tokens  of requested
inserted and used               50,000        55.6 %
inserted, not used               8,000         8.9 %
brought, already there           1,000         1.1 %
cut: not on every rank in time   4,000         4.4 %
below the threshold              5,000         5.6 %
not in storage                  20,000        22.2 %
aborted                          2,000         2.2 %
no room on the host                  0         0.0 %
requested                       90,000       100.0 %
1,500 prefetches, 1,200 of them moved pages

time                                          p50     p95*     p99*     max*         of
agreement, a step of a rank                212 us   425 us   637 us  2.12 ms    400,000
wait for the last rank, an operation      43.2 us  86.4 us   130 us   432 us  2,600,000
wire, an operation                        8.10 us  16.2 us  24.3 us  81.0 us  2,600,000
drain, a step of a rank                   95.0 us   190 us   285 us   950 us    400,000
scheduler blocked, a step of a rank        300 us   600 us   900 us  3.00 ms    400,000
confirm delay, a prefetch (virtual time)  25.0 ms  50.0 ms  75.0 ms   250 ms      1,200

50,000 steps a rank
site, all ranks               agreements  a step   wire ops  a step  wait p50  wire p50  wire p99*
writing_check                    400,000       1    800,000       2   40.0 us   8.00 us    24.0 us
drain_storage_control_queues     400,000       1    800,000       2   40.0 us   8.00 us    24.0 us
forward                                -       -    800,000       2   40.0 us   8.00 us    24.0 us
scheduler, in all              1,300,000    3.25  2,600,000    6.50

last to arrive*, of 1,000 operations: rank 0 10.0 %, rank 1 10.0 %, rank 2 10.0 %, rank 3 10.0 %,
  rank 4 10.0 %, rank 5 10.0 %, rank 6 10.0 %, rank 7 30.0 %

Identities
  input = device + host + storage + computed: holds (95,200 checked)
  digests of replica 0, ranks {0,1,2,3,4,5,6,7}: equal on 50,000 steps

Reading it
  cores       * 8 ranks on 2 cores: 4 a core. Ranks wait for a core as much as for one another:
              tails and last ranks (marked *) tell of the machine, not of the protocol, and no noisy
              metric may be gated. Exact counts are not touched.
  clock       3600 s of virtual time in 300 s of wall time (12 times as fast); virtual time waits
              for the work, so it kept up
  times       nearest-rank percentiles. wait = last enter - own enter, wire = exit - last enter,
              agreement = the sum of wire over a step's agreements.

files: runs/a
)";

TEST(RunTableTest, WholeTableIsAsThis) { EXPECT_EQ(run_table(made_up_report()), kGolden); }

TEST(RunTableTest, NoLineIsLongerThan100Columns) {
  RunReport report = made_up_report();
  report.summary.last_count.assign(64, 10);
  report.heading.options.assign(20, {"--skew", "storage:cp=1,+40ms"});
  std::istringstream lines{run_table(report)};
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST(RunTableTest, RanksThatFitTheCoresAreNotMarked) {
  RunReport report = made_up_report();
  report.heading.cores = 8;
  const std::string table = run_table(report);
  EXPECT_THAT(table, Not(HasSubstr("p99*")));
  EXPECT_THAT(table, HasSubstr("8 ranks on 8 cores: 1 a core. Every rank can run"));
}

TEST(RunTableTest, WallRunSaysWhetherItKeptUp) {
  RunReport report = made_up_report();
  report.clock = {false, 0, 0};
  EXPECT_THAT(run_table(report), HasSubstr("the run kept up with its clock"));
  report.clock = {false, 12, 3'200'000};
  EXPECT_THAT(run_table(report),
              HasSubstr("DID NOT KEEP UP with its clock: 12 steps began late, by"));
}

TEST(RunTableTest, WallRunSaysHowManyRowsItDroppedAVirtualOneOnlyWhereItDid) {
  RunReport report = made_up_report();
  EXPECT_THAT(run_table(report), Not(HasSubstr("dropped")));
  report.clock = {false, 0, 0};
  EXPECT_THAT(run_table(report), HasSubstr("dropped     0 rows found the recorder's queue full"));
  report.summary.rows_dropped = 1'234;
  EXPECT_THAT(run_table(report), HasSubstr("dropped     1,234 rows found the recorder's queue"));
}

TEST(RunTableTest, BrokenIdentityAndDivergenceStandOut) {
  RunReport report = made_up_report();
  report.summary.identities[0].broken = 2;
  report.summary.identities[0].example = "request 9 on rank 1";
  report.divergences[0].first_differing_step = 41;
  report.divergences[0].disagreement =
      Disagreement{41,
                   7,
                   17,
                   {{{0, 1}, true, {512, 0, 0}, "attention_tp", 1, {0, 1}},
                    {{2, 3}, true, {256, 0, 0}, "attention_tp", 1, {2, 3}}}};
  const std::string table = run_table(report);
  EXPECT_THAT(table, HasSubstr("BROKEN 2 of 95,200 times, first for request 9 on rank 1"));
  EXPECT_THAT(table, HasSubstr("DIFFER from step 41 on"));
  EXPECT_THAT(table, HasSubstr("DIVERGED: ranks of replica 0 disagree from step 41 on"));
}

TEST(RunTableTest, RunOfOneRankHasNoOperationsAndStillATable) {
  RunReport report;
  report.summary.ranks = 1;
  const std::string table = run_table(report);
  EXPECT_THAT(table, HasSubstr("1 rank on 1 core"));
  EXPECT_THAT(table, Not(HasSubstr("last to arrive")));
  EXPECT_THAT(table, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace radixbench

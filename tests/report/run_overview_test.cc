#include "report/run_overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace radixbench {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

RunOverview two_ranks() {
  RunOverview overview;
  MasterData& run = overview.run;
  run.identity.run_id = "id-1";
  run.identity.world_size = 2;
  run.variables.layout = "sglang:tp=2";
  for (Rank rank = 0; rank < 2; ++rank) {
    run.rank_files.push_back({rank,
                              "ranks/rank0000" + std::to_string(rank) + ".h5",
                              "",
                              0,
                              0,
                              true,
                              RankStatus::kComplete});
    run.counters.push_back({rank, {"wire_ops.drain", 20, "1"}});
  }
  SummaryCell cell;
  cell.metric = "agreement_per_step";
  cell.unit = "ns";
  cell.n = 100;
  cell.p50 = 1e5;
  run.cells = {cell};
  return overview;
}

TEST(RunOverviewTest, AWholeRunHasNoHoles) {
  const std::string text = run_overview_text(two_ranks());
  EXPECT_THAT(text, Not(HasSubstr("MISSING")));
  EXPECT_THAT(text, ContainsRegex("wire_ops.drain +40 +2 of 2\n"));
  EXPECT_THAT(text, ContainsRegex("agreement_per_step +100 us"));
}

TEST(RunOverviewTest, ARankThatCouldNotBeReadIsAHoleAndNotZero) {
  RunOverview overview = two_ranks();
  overview.run.rank_files[1].is_readable = false;
  overview.run.counters.pop_back();
  overview.run.cells[0].discarded = 7;
  const std::string text = run_overview_text(overview);
  EXPECT_THAT(text, HasSubstr("MISSING  rank 1: ranks/rank00001.h5 could not be read"));
  EXPECT_THAT(text, ContainsRegex("wire_ops.drain +20 +1 of 2\n"));
  EXPECT_THAT(text, ContainsRegex("agreement_per_step .* 100 +7\n"));
}

TEST(RunOverviewTest, AFileThatWentLaterAndARankThatWasCutOffAreNamed) {
  RunOverview overview = two_ranks();
  overview.gone = {"ranks/rank00000.h5"};
  overview.run.rank_files[1].status = RankStatus::kRunning;
  const std::string text = run_overview_text(overview);
  EXPECT_THAT(text, HasSubstr("MISSING  rank 0: ranks/rank00000.h5 is gone"));
  EXPECT_THAT(text, HasSubstr("MISSING  rank 1: ranks/rank00001.h5 did not come to its end"));
}

TEST(RunOverviewTest, MarkdownHasTheSameBehindItsMarker) {
  RunOverview overview = two_ranks();
  overview.run.rank_files[1].is_readable = false;
  overview.run.identity.run_id = "id|1";
  const std::string text = run_overview_markdown(overview);
  EXPECT_THAT(text, StartsWith("<!-- radixbench:run:id1 -->\n### radixbench run id&#124;1"));
  EXPECT_THAT(text, HasSubstr("- **missing** rank 1"));
  EXPECT_THAT(text, HasSubstr("| wire\\_ops.drain | 40 | 2 of 2 |"));
}

}  // namespace
}  // namespace radixbench

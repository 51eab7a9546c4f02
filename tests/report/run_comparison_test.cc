#include "report/run_comparison.h"

#include "report/json_comparison.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace radixbench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ComparedRun run_of(const std::string& agreement, std::uint64_t wire_ops, double agreement_ns) {
  ComparedRun run;
  run.label = "runs/" + agreement;
  run.data.identity.run_id = "id-" + agreement;
  run.data.identity.options = {
      {"agreement", agreement}, {"layout", "tp4cp2"}, {"output", run.label}};
  run.data.variables.layout = "sglang:tp=8,cp=2";
  run.data.variables.agreement = agreement;
  for (Rank rank = 0; rank < 2; ++rank) {
    run.data.counters.push_back({rank, {"wire_ops.drain", wire_ops, "1"}});
    run.data.counters.push_back({rank, {"requests.served", 400, "1"}});
    run.data.rank_files.push_back({rank, "", "", 0, 0, true, RankStatus::kComplete});
  }
  SummaryCell cell;
  cell.metric = "agreement_per_step";
  cell.unit = "ns";
  cell.n = 100;
  cell.p50 = agreement_ns;
  cell.p95 = 2 * agreement_ns;
  run.data.cells = {cell};
  return run;
}

TEST(RunComparisonTest, OptionsThatDifferAreShownAndTheRestIsCounted) {
  const std::string text = run_comparison_text(
      compare_runs(std::vector{run_of("hardcoded_tp", 10, 1e5), run_of("attn_groups", 20, 2e5)}));
  EXPECT_THAT(text, HasSubstr("agreement            hardcoded_tp  attn_groups\n"));
  EXPECT_THAT(text, HasSubstr("(1 other options are equal)"));
  EXPECT_THAT(text, Not(HasSubstr("output")));
}

TEST(RunComparisonTest, ExactCountsAreSummedOverRanksAndTheirDifferenceShown) {
  const std::string text = run_comparison_text(
      compare_runs(std::vector{run_of("hardcoded_tp", 10, 1e5), run_of("attn_groups", 20, 2e5)}));
  EXPECT_THAT(text, HasSubstr("wire_ops.drain                       20  40    +20\n"));
  EXPECT_THAT(text, Not(HasSubstr("requests.served")));
}

TEST(RunComparisonTest, MediansHaveTheirRatioToTheFirstRun) {
  const std::string text = run_comparison_text(compare_runs(std::vector{
      run_of("hardcoded_tp", 10, 1e5), run_of("attn_groups", 20, 2e5), run_of("x", 10, 5e4)}));
  EXPECT_THAT(text, HasSubstr("100 us  200 us  50.0 us  2.000x  0.500x"));
}

TEST(RunComparisonTest, EqualRunsAreSaidToBeSo) {
  const std::string text =
      run_comparison_text(compare_runs(std::vector{run_of("a", 1, 1), run_of("a", 1, 1)}));
  EXPECT_THAT(text, HasSubstr("all 2 options are equal"));
  EXPECT_THAT(text, HasSubstr("all 2 counts are equal"));
}

TEST(RunComparisonTest, MissingValuesAreNotZeros) {
  ComparedRun other = run_of("a", 1, 1);
  other.data.counters.clear();
  other.data.cells.clear();
  other.data.rank_files[1].is_readable = false;
  const std::string text =
      run_comparison_text(compare_runs(std::vector{run_of("a", 1, 1'000), other}));
  EXPECT_THAT(text, HasSubstr("wire_ops.drain                         2  -      -\n"));
  EXPECT_THAT(text, HasSubstr("agreement_per_step  1.00 us  -      -  2.00 us      -\n"));
  EXPECT_THAT(text, HasSubstr("B lacks the files of 1 ranks"));
}

TEST(RunComparisonTest, OtherFormsSayTheSame) {
  const RunComparison comparison =
      compare_runs(std::vector{run_of("hardcoded_tp", 10, 1e5), run_of("attn_groups", 20, 2e5)});
  const std::string csv = run_comparison_csv(comparison);
  EXPECT_THAT(csv, HasSubstr("kind,name,unit,stat,runs/hardcoded_tp,runs/attn_groups\n"));
  EXPECT_THAT(csv, HasSubstr("option,agreement,,,hardcoded_tp,attn_groups\n"));
  EXPECT_THAT(csv, HasSubstr("count,wire_ops.drain,1,total,20,40\n"));
  EXPECT_THAT(csv, HasSubstr("measured,agreement_per_step,ns,p50,100000,200000\n"));
  const std::string markdown = run_comparison_markdown(comparison);
  EXPECT_THAT(markdown, HasSubstr("| wire\\_ops.drain | 20 | 40 | +20 |\n"));
  const auto json = nlohmann::json::parse(run_comparison_json(comparison));
  EXPECT_EQ(json["counts"]["wire_ops.drain"], nlohmann::json({20, 40}));
  EXPECT_EQ(json["counts_equal"], 1);
  EXPECT_EQ(json["measured"]["agreement_per_step"]["median_ratio"], nlohmann::json({1.0, 2.0}));
}

}  // namespace
}  // namespace radixbench

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kSample = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";
constexpr const char* kDefectLayout = "sglang:tp=8,cp=2,dp=2";

// Runs of the sample with ranks as processes, and what is said of them afterwards.
class DiagnoseCommandTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_.path().string() + "/" + name;
  }
  ToolRun replay(const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> words{"replay", kSample, "--device-tokens", "60k", "--host-tokens"};
    const bool is_limited = std::ranges::find(more, "--limit") != more.end();
    words.insert(words.end(), {"120k", "--deadline", "2s", "-o", path(name)});
    if (!is_limited) words.insert(words.end(), {"--limit", "40"});
    words.insert(words.end(), more.begin(), more.end());
    return run_tool(words);
  }

 private:
  TempDirectory folder_;
};

// The defect, both ways, and the fix beside it. The exit code is that of trees that came apart; the
// verdict is said while the ranks run, of whichever replica showed it first.
TEST_F(DiagnoseCommandTest, GroupThatIsTooSmallIsNamedWhileRanksRun) {
  const ToolRun run =
      replay("small", {"--layout", kDefectLayout, "--agreement", "hardcoded_tp", "--watch"});
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.err,
              AllOf(testing::StartsWith("radixbench: wrong_group/too_small: rank"),
                    testing::AnyOf(HasSubstr("where attn_cp x attention_tp{0,1,2,3} is meant"),
                                   HasSubstr("where attn_cp x attention_tp{4,5,6,7} is meant")),
                    HasSubstr("disagree from step")));
  EXPECT_THAT(run.out, HasSubstr("\ndiagnosis\nwrong_group/too_small: rank"));
  const ToolRun later = run_tool({"diagnose", path("small"), "--format", "json"});
  EXPECT_EQ(later.exit_code, 3) << later.err;
  const nlohmann::json json = nlohmann::json::parse(later.out);
  EXPECT_EQ(json["class"], "wrong_group/too_small");
  EXPECT_EQ(json["culprit_ranks"].size(), 8U);
}

TEST_F(DiagnoseCommandTest, GroupThatIsTooLargeIsNamedWhenItHangsAndReproduced) {
  const ToolRun run = replay("large", {"--layout", kDefectLayout, "--agreement", "stage_tp"});
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("wrong_group/too_large"), HasSubstr("used tp{0,1,2,3,4,5,6,7}")));
  const ToolRun later =
      run_tool({"diagnose", path("large"), "--reproduce", path("large.scenario")});
  EXPECT_EQ(later.exit_code, 3) << later.err;
  EXPECT_THAT(later.err, HasSubstr("lines that give wrong_group/too_large again"));
  const ToolRun again =
      run_tool({"replay", "--scenario", path("large.scenario"), "--transport", "threads"});
  EXPECT_EQ(again.exit_code, 3) << again.err;
  EXPECT_THAT(again.out, HasSubstr("wrong_group/too_large"));
  EXPECT_EQ(again.err, "");
}

TEST_F(DiagnoseCommandTest, HealthyRunHasNoVerdict) {
  const ToolRun run = replay("fine", {"--layout", kDefectLayout, "--watch"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const ToolRun later = run_tool({"diagnose", path("fine")});
  EXPECT_EQ(later.exit_code, 0);
  EXPECT_THAT(later.out, HasSubstr("none: nothing wrong is visible"));
}

TEST_F(DiagnoseCommandTest, KilledRankIsADeathAndNotAFaultOfCalls) {
  const ToolRun run = replay("dead", {"--layout", "tp4", "--inject", "kill:rank=2,at=call,n=30"});
  EXPECT_EQ(run.exit_code, 124) << run.err;
  EXPECT_THAT(run.out, HasSubstr("rank_died: rank 2 died after"));
}

TEST_F(DiagnoseCommandTest, MissingAndDamagedFilesAreWordsAndLeaveTheRestReadable) {
  ASSERT_EQ(replay("run", {"--layout", "tp2"}).exit_code, 0);
  const std::string ring = path("run") + "/rings/rank00001.ring";
  std::filesystem::resize_file(ring, std::filesystem::file_size(ring) / 2);
  const ToolRun cut = run_tool({"diagnose", path("run")});
  EXPECT_EQ(cut.exit_code, 75) << cut.out;
  EXPECT_THAT(cut.err, HasSubstr("rank00001.ring"));
  EXPECT_THAT(cut.out, HasSubstr("incomplete: cannot tell without rank 1"));
  const ToolRun only_cut = run_tool({"diagnose", ring, "--layout", "tp2"});
  EXPECT_EQ(only_cut.exit_code, 65) << only_cut.err;
  EXPECT_EQ(run_tool({"diagnose", path("nowhere")}).exit_code, 66);
  EXPECT_EQ(run_tool({"diagnose", path("run"), "--format", "xml"}).exit_code, 64);
  EXPECT_EQ(run_tool({"diagnose", path("run"), "--layout", "sglang:tp=8,cp=3"}).exit_code, 78);
  std::ofstream{path("sites.txt")} << "site x members=all\n";
  const ToolRun contracts = run_tool({"diagnose", path("run"), "--contracts", path("sites.txt")});
  EXPECT_EQ(contracts.exit_code, 65);
  EXPECT_THAT(contracts.err, HasSubstr("sites.txt:1: 'members=all'"));
}

}  // namespace
}  // namespace radixbench

#include "base/file_text.h"
#include "cli/tool.h"
#include "report/json_launches.h"
#include "support/made_up_launches.h"
#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kCommitA = "aaaaaaaaaaaaaaaaaaaa";
constexpr const char* kCommitB = "bbbbbbbbbbbbbbbbbbbb";

LaunchSet made_up_runs(double scale) {
  LaunchSet set;
  for (int launch_number = 0; launch_number < 8; ++launch_number) {
    Launch launch = made_up_launch(LaunchSide::kA, -1);
    launch.run_id = "run" + std::to_string(launch_number);
    const double wobble = 1 + 0.002 * (launch_number % 5);
    launch.cells = {exact_cell("wire_ops", 4096),
                    noisy_cell("agreement_per_step_max", "p50", 100'000 * wobble * scale)};
    set.launches.push_back(std::move(launch));
  }
  return set;
}

// Outside any repository: the tool runs in a folder of its own under /tmp.
class BaselineCommandTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path().string() + "/" + name; }

  std::string write(const std::string& name, const LaunchSet& set) const {
    EXPECT_TRUE(write_launches(path(name), set));
    return path(name);
  }

  ToolRun baseline(std::vector<std::string> words) const {
    words.insert(words.begin(), "baseline");
    words.insert(words.end(), {"--dir", path("baselines")});
    return run_tool(words);
  }

  ToolRun gate(std::vector<std::string> words) const {
    words.insert(words.begin(), "gate");
    words.insert(words.end(), {"--dir", path("baselines")});
    return run_tool(words);
  }

  // Answers the path of the entry.
  std::string save(const std::string& name, double scale, const char* commit) const {
    const ToolRun run =
        baseline({"save", name, write("to_save.json", made_up_runs(scale)), "--commit", commit});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.out.substr(0, run.out.find('\n'));
  }

 private:
  TempDirectory folder_;
};

TEST_F(BaselineCommandTest, AnEntryLiesUnderNameAndEnvironmentAndHeadNamesIt) {
  const fs::path entry = save("main", 1, kCommitA);
  EXPECT_TRUE(fs::exists(entry));
  EXPECT_EQ(entry.parent_path().parent_path(), fs::path{path("baselines")} / "main");
  EXPECT_EQ(entry.parent_path().filename(), fingerprint_hash(made_up_fingerprint()));
  const std::string name = entry.filename().string();
  EXPECT_THAT(name, testing::EndsWith("Z-aaaaaaaaaaaa.summary.json"));
  const std::string head = read_file_text((entry.parent_path() / "HEAD").string()).value();
  EXPECT_EQ(head + ".summary.json", name.substr(0, head.size() - 1) + "\n.summary.json");
}

TEST_F(BaselineCommandTest, LaterRunsAreJudgedByIt) {
  save("main", 1, kCommitA);
  const std::string same = write("same.json", made_up_runs(1));
  const ToolRun fine = gate({same, "--baseline", "main"});
  EXPECT_EQ(fine.exit_code, 0) << fine.out << fine.err;
  const ToolRun slower = gate({write("slow.json", made_up_runs(1.2)), "--baseline", "main"});
  EXPECT_EQ(slower.exit_code, 1) << slower.out << slower.err;
  EXPECT_THAT(slower.out, HasSubstr("unpaired"));
}

TEST_F(BaselineCommandTest, WhatIsMissingFailsUnlessTheGateIsLenient) {
  save("main", 1, kCommitA);
  LaunchSet set = made_up_runs(1);
  for (Launch& launch : set.launches) launch.cells.resize(1);
  const std::string part = write("part.json", set);
  const ToolRun strict = gate({part, "--baseline", "main"});
  EXPECT_EQ(strict.exit_code, 1) << strict.err;
  EXPECT_THAT(strict.out, HasSubstr("MISSING"));
  EXPECT_EQ(gate({part, "--baseline-lenient", "main"}).exit_code, 0);
  EXPECT_EQ(gate({part, "--baseline-lenient", "main", "--baseline", "main"}).exit_code, 64);
}

// Two layouts were accepted, one was run again.
TEST_F(BaselineCommandTest, ALayoutThatWasNotRunAgainIsMissing) {
  LaunchSet both = made_up_runs(1);
  const LaunchSet once_more = both;
  for (Launch launch : once_more.launches) {
    for (auto& [field, value] : launch.fingerprint) {
      if (field == "layout") value = "sglang:tp=8";
    }
    for (LaunchCell& cell : launch.cells) cell.key.layout = "sglang:tp=8";
    both.launches.push_back(std::move(launch));
  }
  ASSERT_EQ(baseline({"save", "main", write("both.json", both), "--commit", kCommitA}).exit_code,
            0);
  const std::string one = write("one.json", made_up_runs(1));
  const ToolRun strict = gate({one, "--baseline", "main"});
  EXPECT_EQ(strict.exit_code, 1) << strict.out << strict.err;
  EXPECT_THAT(strict.out, AllOf(HasSubstr("MISSING"), HasSubstr("sglang:tp=8")));
  EXPECT_EQ(gate({one, "--baseline-lenient", "main"}).exit_code, 0);
  EXPECT_EQ(gate({path("both.json"), "--baseline", "main"}).exit_code, 0);
}

TEST_F(BaselineCommandTest, WithoutAnEntryOfTheEnvironmentThereIsNothingToCompare) {
  const std::string runs = write("runs.json", made_up_runs(1));
  EXPECT_EQ(gate({runs, "--baseline", "main"}).exit_code, 5);
  save("main", 1, kCommitA);
  LaunchSet set = made_up_runs(1);
  for (Launch& launch : set.launches) launch.fingerprint[2].second = "6.5";
  const ToolRun other = gate({write("other.json", set), "--baseline", "main"});
  EXPECT_EQ(other.exit_code, 5);
  EXPECT_THAT(other.err, HasSubstr("kernel: unknown and 6.5"));
}

TEST_F(BaselineCommandTest, PromotingChoosesAndHistoryStays) {
  const std::string first = save("main", 1, kCommitA);
  const std::string second = save("main", 1.2, kCommitB);
  const std::string slow = write("slow.json", made_up_runs(1.2));
  EXPECT_EQ(gate({slow, "--baseline", "main", "--preset", "permissive"}).exit_code, 0);
  EXPECT_EQ(baseline({"promote", "main", kCommitA}).out, first + "\n");
  EXPECT_EQ(gate({slow, "--baseline", "main"}).exit_code, 1);
  EXPECT_EQ(gate({slow, "--baseline", "main@" + fs::path{second}.filename().string().substr(0, 20)})
                .exit_code,
            0);
  EXPECT_TRUE(fs::exists(second));
  EXPECT_EQ(baseline({"promote", "main", "ffff"}).exit_code, 66);
  const ToolRun shown = baseline({"show", "main"});
  EXPECT_THAT(shown.out, HasSubstr("head"));
  EXPECT_THAT(shown.out, HasSubstr("accepted"));
  EXPECT_THAT(shown.out, HasSubstr("cpu_model: Imagined 3000"));
}

TEST_F(BaselineCommandTest, AnEntryThatIsHeldBackIsNotUsed) {
  const ToolRun saved = baseline(
      {"save", "main", write("runs.json", made_up_runs(1)), "--commit", kCommitA, "--hold-back"});
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  EXPECT_EQ(gate({path("runs.json"), "--baseline", "main"}).exit_code, 5);
  EXPECT_EQ(baseline({"promote", "main", kCommitA}).exit_code, 0);
  EXPECT_EQ(gate({path("runs.json"), "--baseline", "main"}).exit_code, 0);
}

TEST_F(BaselineCommandTest, HistoryWidensTheToleranceUntilAChangeIsNoted) {
  for (const double scale : {1.0, 1.15, 0.95, 1.1, 1.0}) save("main", scale, kCommitA);
  const std::string slow = write("slow.json", made_up_runs(1.1));
  const ToolRun widened = gate({slow, "--baseline", "main"});
  EXPECT_EQ(widened.exit_code, 0) << widened.out;
  EXPECT_THAT(gate({slow, "--baseline", "main", "-v"}).out, HasSubstr("baselines moved as much"));
  EXPECT_EQ(baseline({"annotate", "main", "--distribution-change", "new host"}).exit_code, 0);
  EXPECT_EQ(gate({slow, "--baseline", "main"}).exit_code, 1);
}

TEST_F(BaselineCommandTest, PruningKeepsTheNewestAndHead) {
  const std::string first = save("main", 1, kCommitA);
  std::vector<std::string> others;
  for (int i = 0; i < 4; ++i) others.push_back(save("main", 1, kCommitB));
  baseline({"promote", "main", kCommitA});
  const ToolRun pruned = baseline({"prune", "main", "--keep", "2"});
  EXPECT_EQ(pruned.exit_code, 0) << pruned.err;
  EXPECT_EQ(std::count(pruned.out.begin(), pruned.out.end(), '\n'), 2);
  EXPECT_TRUE(fs::exists(first));
  EXPECT_FALSE(fs::exists(others[0]));
  EXPECT_TRUE(fs::exists(others[3]));
  const ToolRun listed = baseline({"list"});
  EXPECT_THAT(listed.out, HasSubstr("main"));
}

TEST_F(BaselineCommandTest, WhatCannotBeABaselineIsRefused) {
  LaunchSet set = made_up_runs(1);
  set.launches[3].failure = "a rank died";
  const ToolRun failed = baseline({"save", "main", write("failed.json", set)});
  EXPECT_EQ(failed.exit_code, 64);
  EXPECT_THAT(failed.err, HasSubstr("launch run3 failed (a rank died)"));
  const std::string runs = write("runs.json", made_up_runs(1));
  EXPECT_EQ(baseline({"save", "../main", runs}).exit_code, 64);
  EXPECT_EQ(baseline({"save", "main", runs, "--commit", "HEAD"}).exit_code, 64);
  EXPECT_EQ(baseline({"save", "main", path("nowhere")}).exit_code, 66);
  EXPECT_EQ(baseline({"show", "main"}).exit_code, 66);
  const fs::path entry = save("main", 1, kCommitA);
  ASSERT_TRUE(replace_file_text(entry.string(), "{}"));
  const ToolRun broken = gate({runs, "--baseline", "main"});
  EXPECT_EQ(broken.exit_code, 65);
  EXPECT_THAT(broken.err, HasSubstr(entry.filename().string()));
}

}  // namespace
}  // namespace radixbench

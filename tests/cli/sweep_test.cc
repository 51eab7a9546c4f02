#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTrace = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";

// Small replays: what they measure is of no interest here.
std::vector<std::string> sweep_words(const std::vector<std::string>& words) {
  std::vector<std::string> all = {"sweep", kTrace, "--device-tokens=60k", "--host-tokens=120k"};
  all.insert(all.end(), words.begin(), words.end());
  const auto names = [&](const char* option) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return word.find(option) != std::string::npos;
    });
  };
  if (!names("limit")) all.emplace_back("--limit=8");
  if (!names("transport")) all.emplace_back("--transport=threads");
  return all;
}

ToolRun sweep(const std::vector<std::string>& words) { return run_tool(sweep_words(words)); }

std::string contents(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// Rows of plain CSV: no field of ours here has a comma.
std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> row(1);
    for (const char c : line) {
      if (c == ',')
        row.emplace_back();
      else
        row.back() += c;
    }
    rows.push_back(row);
  }
  return rows;
}

std::string field(const std::vector<std::vector<std::string>>& rows,
                  std::size_t row,
                  const std::string& name) {
  const auto place = std::find(rows.at(0).begin(), rows.at(0).end(), name);
  if (place == rows.at(0).end()) return "no column " + name;
  return rows.at(row + 1).at(static_cast<std::size_t>(place - rows.at(0).begin()));
}

TEST(SweepCommandTest, RunsEveryCombinationAndShowsWhatAgreementCosts) {
  const TempDirectory folder;
  const ToolRun run = sweep({"--axis=layout=tp2,tp1cp2",
                             "--axis=agreement=hardcoded_tp,attn_groups",
                             "--format=csv",
                             "-o",
                             (folder.path() / "sweep").string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const auto rows = csv_rows(run.out);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(field(rows, 1, "layout"), "tp2");
  EXPECT_EQ(field(rows, 1, "agreement"), "attn_groups");
  EXPECT_EQ(field(rows, 2, "layout"), "tp1cp2");
  for (std::size_t row = 0; row < 4; ++row) {
    EXPECT_EQ(field(rows, row, "result"), "done");
    EXPECT_GT(std::stod(field(rows, row, "agreement_per_step_p50_ns")), 0) << row;
    EXPECT_GT(std::stod(field(rows, row, "wire_ops_per_step")), 0) << row;
    EXPECT_GT(std::stod(field(rows, row, "tokens_computed")), 0) << row;
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "sweep/cells/00003/run.h5"));
}

TEST(SweepCommandTest, AFailedCellStopsNoOther) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "sweep").string();
  const ToolRun killed = sweep({"--axis",
                                "inject=kill:rank=1,at=step,n=3;none",
                                "--layout=tp2",
                                "--transport=shm",
                                "-o",
                                path});
  EXPECT_EQ(killed.exit_code, 124) << killed.err;
  EXPECT_THAT(killed.out, AllOf(HasSubstr("cell 0 failed: exit code 124"), HasSubstr("rank 1")));
  const json state = json::parse(contents(path + "/sweep.json"));
  EXPECT_EQ(state["cells"][0]["progress"], "failed");
  EXPECT_EQ(state["cells"][0]["exit_code"], 124);
  EXPECT_EQ(state["cells"][1]["progress"], "done");
}

TEST(SweepCommandTest, SkippedCellsAreShownWithTheirReason) {
  const TempDirectory folder;
  const ToolRun run = sweep({"--axis",
                             "layout=[tp1;sglang:tp=8,cp=3;tp4;tp2pp2]",
                             "--skip-if",
                             "tp>2",
                             "--format",
                             "json",
                             "-o",
                             (folder.path() / "sweep").string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json cells = json::parse(run.out)["cells"];
  ASSERT_EQ(cells.size(), 4U);
  EXPECT_EQ(cells[0]["progress"], "done");
  EXPECT_EQ(cells[1]["progress"], "skipped");
  EXPECT_THAT(std::string{cells[1]["reason"]}, HasSubstr("no valid layout"));
  EXPECT_EQ(cells[2]["reason"], "--skip-if tp>2");
  EXPECT_THAT(std::string{cells[3]["reason"]}, HasSubstr("stages"));
  EXPECT_TRUE(cells[1]["figures"].empty());
}

TEST(SweepCommandTest, SizesComposeLayoutsAndTooManyRanksAreSkipped) {
  const TempDirectory folder;
  const ToolRun run = sweep({"--axis=tp=[1,2]",
                             "--axis=cp[pow2]=[0:1]",
                             "--world=2",
                             "--format=markdown",
                             "-o",
                             (folder.path() / "sweep").string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("| 2 | 2 | 1 | done |"));
  EXPECT_THAT(run.out, HasSubstr("| 3 | 2 | 2 | skipped |"));
  EXPECT_THAT(run.out, HasSubstr("too many ranks: sglang:tp=4,cp=2 has 4, --world is 2"));
}

TEST(SweepCommandTest, ADryRunListsCellsWithAnEstimateAndItsSource) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "sweep").string();
  const ToolRun run = sweep({"--axis=layout=tp1,tp2", "--skip-if=tp==2", "--dry-run", "-o", path});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("0 layout=tp1"));
  EXPECT_THAT(run.out, HasSubstr("cell 1 skipped: --skip-if tp==2"));
  EXPECT_THAT(run.out, HasSubstr("from two short runs of cell 0"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

// The second cell never ends by itself in the time of this test; the first is not run again.
TEST(SweepCommandTest, AnInterruptedSweepGoesOnWhereItWas) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "sweep").string();
  std::vector<std::string> words =
      sweep_words({"--axis=limit=2,200", "--layout=tp2", "--transport=shm", "-o", path});
  {
    StartedTool tool{words};
    EXPECT_THAT(tool.line_with("1 of 2 cells"), HasSubstr("limit=2"));
    tool.send(SIGINT);
    const ToolRun run = tool.wait();
    EXPECT_EQ(run.exit_code, 130) << run.err;
    EXPECT_THAT(run.err, HasSubstr("--resume goes on"));
  }
  const json before = json::parse(contents(path + "/sweep.json"));
  EXPECT_EQ(before["cells"][0]["progress"], "done");
  EXPECT_EQ(before["cells"][1]["progress"], "pending");
  EXPECT_FALSE(std::filesystem::exists(path + "/cells/00001"));
  const auto first_run = std::filesystem::last_write_time(path + "/cells/00000/run.h5");

  const ToolRun again = run_tool(words);
  EXPECT_EQ(again.exit_code, 73) << "nothing is overwritten unasked";
  words.emplace_back("--resume");
  const ToolRun resumed = run_tool(words);
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, AllOf(HasSubstr("2 of 2 cells"), Not(HasSubstr("1 of 2 cells"))));
  EXPECT_EQ(std::filesystem::last_write_time(path + "/cells/00000/run.h5"), first_run);
  EXPECT_EQ(json::parse(contents(path + "/sweep.json"))["cells"][1]["progress"], "done");

  std::replace(words.begin(),
               words.end(),
               std::string{"--axis=limit=2,200"},
               std::string{"--axis=limit=2,201"});
  const ToolRun other = run_tool(words);
  EXPECT_EQ(other.exit_code, 78);
  EXPECT_THAT(other.err, HasSubstr("cell 1 is another"));
}

TEST(SweepCommandTest, WhatMakesNoSenseIsRefusedBeforeAnyRun) {
  const auto refusal = [](const std::vector<std::string>& words) {
    const ToolRun run = sweep(words);
    EXPECT_EQ(run.exit_code, 64) << run.err;
    EXPECT_EQ(run.out, "");
    return run.err;
  };
  EXPECT_THAT(refusal({}), HasSubstr("--axis"));
  EXPECT_THAT(refusal({"--axis=colour=red"}), HasSubstr("no option --colour"));
  EXPECT_THAT(refusal({"--axis=agreement=nonsense"}), HasSubstr("nonsense"));
  EXPECT_THAT(refusal({"--axis=page-size=x"}), HasSubstr("page-size"));
  EXPECT_THAT(refusal({"--axis=layout=tp2", "--layout=tp1"}), HasSubstr("both say"));
  EXPECT_THAT(refusal({"--axis=tp=2", "--layout=tp1"}), HasSubstr("both say"));
  EXPECT_THAT(refusal({"--axis=output=a,b"}), HasSubstr("no option --output"));
  EXPECT_THAT(refusal({"--axis=tp=1,2", "--skip-if=tp>"}), HasSubstr("at byte 4"));
  EXPECT_THAT(refusal({"--axis=tp=1,2", "--format=xml"}), HasSubstr("--format 'xml'"));
  EXPECT_EQ(sweep({"--axis=trace=/nowhere.jsonl", "--limit=1"}).exit_code, 64)
      << "TRACE is given too";
  EXPECT_EQ(run_tool({"sweep", "--axis=trace=/nowhere.jsonl"}).exit_code, 66);
  EXPECT_EQ(sweep({"--axis=layout=tp2pp2"}).exit_code, 78) << "every cell is skipped";
}

}  // namespace
}  // namespace radixbench

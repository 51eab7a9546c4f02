// A run, and a gate's result, said again.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(ReportCommandTest, ARankFileThatIsGoneIsAHole) {
  const TempDirectory folder;
  const std::string run = (folder.path() / "run").string();
  const ToolRun ended = run_tool({"replay",
                                  RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl",
                                  "--layout",
                                  "tp2",
                                  "--transport",
                                  "threads",
                                  "--limit",
                                  "5",
                                  "-o",
                                  run});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(run_tool({"report", "console", run}).out, Not(HasSubstr("MISSING")));
  std::filesystem::remove(run + "/ranks/rank00001.h5");
  const ToolRun report = run_tool({"report", "console", run});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, HasSubstr("MISSING  rank 1: ranks/rank00001.h5 is gone"));
  EXPECT_THAT(run_tool({"report", "md", run}).out, StartsWith("<!-- radixbench:run:"));
  EXPECT_EQ(nlohmann::json::parse(run_tool({"report", "json", run}).out)["schema"],
            "radixbench.launches");
  EXPECT_EQ(run_tool({"report", "junit", run}).exit_code, 64);
}

TEST(ReportCommandTest, WhatIsNoReportEndsInItsCode) {
  const TempDirectory folder;
  const std::string path = (folder.path() / "gate.json").string();
  EXPECT_EQ(run_tool({"report", "md", path}).exit_code, 66);
  std::ofstream{path} << "{}";
  const ToolRun run = run_tool({"report", "md", path});
  EXPECT_EQ(run.exit_code, 65);
  EXPECT_THAT(run.err, HasSubstr("gate.json"));
}

}  // namespace
}  // namespace radixbench

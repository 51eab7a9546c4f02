// A run, and a gate's result, said again.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A run, and the JSON of a gate that set its counts against another's.
class ReportCommandTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDirectory;
    for (const char* name : {"a", "b"}) {
      const ToolRun ended = run_tool({"replay",
                                      RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl",
                                      "--layout",
                                      "tp2",
                                      "--transport",
                                      "threads",
                                      "--limit",
                                      name == std::string{"a"} ? "5" : "6",
                                      "-o",
                                      path(name)});
      ASSERT_EQ(ended.exit_code, 0) << ended.err;
    }
    const ToolRun judged = run_tool({"gate",
                                     path("a"),
                                     path("b"),
                                     "--preset",
                                     "none",
                                     "--fail-if",
                                     "wire_ops:exact",
                                     "--json",
                                     path("gate.json")});
    ASSERT_EQ(judged.exit_code, 1) << judged.err << judged.out;
    judged_ = judged.out;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string path(const std::string& name) { return (folder_->path() / name).string(); }

  static std::string judged_;

 private:
  static TempDirectory* folder_;
};
std::string ReportCommandTest::judged_;
TempDirectory* ReportCommandTest::folder_ = nullptr;

TEST_F(ReportCommandTest, AGatesJsonIsSaidAgainAsItWas) {
  EXPECT_EQ(run_tool({"report", "console", path("gate.json")}).out, judged_);
  EXPECT_THAT(judged_, HasSubstr("wire_ops@total"));
  const ToolRun markdown = run_tool({"report", "md", path("gate.json"), "--id", "x"});
  EXPECT_THAT(markdown.out, StartsWith("<!-- radixbench:gate:x -->\n"));
  EXPECT_THAT(run_tool({"report", "junit", path("gate.json")}).out, HasSubstr("<failure "));
  const ToolRun again = run_tool({"report", "json", path("gate.json")});
  std::ifstream file{path("gate.json")};
  EXPECT_EQ(again.out, std::string(std::istreambuf_iterator<char>{file}, {}));
}

using ColourTest = ReportCommandTest;

TEST_F(ColourTest, NoColorPipesAndDumbTerminalsGetNoEscapes) {
  const std::vector<std::string> words = {"report", "console", path("gate.json")};
  const auto has_escapes = [&](std::vector<std::pair<std::string, std::string>> environment,
                               bool is_on_terminal,
                               std::vector<std::string> more = {}) {
    std::vector<std::string> line = words;
    line.insert(line.end(), more.begin(), more.end());
    const ToolRun run = run_tool_in(
        {.environment = std::move(environment), .is_on_terminal = is_on_terminal}, line);
    EXPECT_THAT(run.out, HasSubstr("REGRESSED"));  // words carry it either way
    return run.out.find('\x1b') != std::string::npos;
  };
  EXPECT_TRUE(has_escapes({{"TERM", "xterm"}, {"NO_COLOR", ""}}, true));
  EXPECT_FALSE(has_escapes({{"TERM", "xterm"}, {"NO_COLOR", "1"}}, true));
  EXPECT_FALSE(has_escapes({{"TERM", "dumb"}, {"NO_COLOR", ""}}, true));
  EXPECT_FALSE(has_escapes({{"TERM", "xterm"}, {"NO_COLOR", ""}}, false));
  EXPECT_TRUE(has_escapes({{"CLICOLOR_FORCE", "1"}, {"NO_COLOR", ""}}, false));
  EXPECT_TRUE(has_escapes({{"FORCE_COLOR", "1"}, {"NO_COLOR", ""}}, false));
  EXPECT_FALSE(has_escapes({{"FORCE_COLOR", "1"}, {"NO_COLOR", "1"}}, false));
  EXPECT_TRUE(has_escapes({{"NO_COLOR", "1"}}, false, {"--color", "always"}));
  EXPECT_FALSE(has_escapes({{"TERM", "xterm"}}, true, {"--color", "never"}));
}

TEST_F(ReportCommandTest, ARankFileThatIsGoneIsAHole) {
  const std::string run = path("b");
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

TEST_F(ReportCommandTest, WhatIsNoReportEndsInItsCode) {
  EXPECT_EQ(run_tool({"report", "md", path("other.json")}).exit_code, 66);
  std::ofstream{path("other.json")} << "{}";
  const ToolRun run = run_tool({"report", "md", path("other.json")});
  EXPECT_EQ(run.exit_code, 65);
  EXPECT_THAT(run.err, HasSubstr("other.json"));
}

}  // namespace
}  // namespace radixbench

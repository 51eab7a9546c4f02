// Options from files and from the environment.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kTrace = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";

class ConfigTest : public testing::Test {
 protected:
  std::string file(const std::string& text) const {
    const std::string path = folder_.path().string() + "/options.toml";
    std::ofstream{path} << text;
    return path;
  }

 private:
  TempDirectory folder_;
};

TEST_F(ConfigTest, WhatWasDumpedGivesTheSameOptions) {
  const std::vector<std::string> words = {"replay",       kTrace,
                                          "--layout",     "sglang:tp=8,cp=2,dp=2",
                                          "--without",    "entry,neutral",
                                          "--skew",       "storage:cp=1,+40ms",
                                          "--skew",       "clock:rank=3,+5ms",
                                          "--page-bytes", "1KiB",
                                          "--model",      "a \"b\" # c, [d] = \\e",
                                          "--speedup",    "0.1",
                                          "--abort",      "1e-3",
                                          "--limit",      "7",
                                          "--watch",      "-o",
                                          "run 1",        "--dump-config"};
  const ToolRun dumped = run_tool(words);
  ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
  EXPECT_THAT(dumped.out, HasSubstr("skew = [\"storage:cp=1,+40ms\", \"clock:rank=3,+5ms\"]\n"));
  EXPECT_THAT(dumped.out, HasSubstr("watch = true\n"));
  EXPECT_THAT(dumped.out, HasSubstr("page-size = 64\n"));
  const ToolRun again =
      run_tool_in({.input = dumped.out}, {"replay", "--config", "-", "--dump-config"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, dumped.out);
}

TEST_F(ConfigTest, ARunFromADumpIsTheSameRun) {
  const std::vector<std::string> words = {
      "replay", kTrace, "--layout", "tp2", "--transport", "threads", "--limit", "5", "-o"};
  const TempDirectory folder;
  const std::string first = folder.path().string() + "/first";
  const std::string second = folder.path().string() + "/second";
  std::vector<std::string> run = words;
  run.push_back(first);
  ASSERT_EQ(run_tool(run).exit_code, 0);
  std::vector<std::string> dump = words;
  dump.insert(dump.end(), {second, "--dump-config"});
  const ToolRun dumped = run_tool(dump);
  const ToolRun replayed = run_tool_in({.input = dumped.out}, {"replay", "--config", "-"});
  ASSERT_EQ(replayed.exit_code, 0) << replayed.err;
  const ToolRun compared = run_tool({"compare", first, second});
  EXPECT_THAT(compared.out, HasSubstr("counts are equal"));
  EXPECT_THAT(compared.out, testing::ContainsRegex("all [0-9]+ options are equal"));
}

TEST_F(ConfigTest, AnUnknownKeyIsAConfigurationErrorThatNamesFileLineAndKey) {
  const ToolRun run =
      run_tool({"replay", kTrace, "--config", file("seed = 3\n\npage_size = 64\n")});
  EXPECT_EQ(run.exit_code, 78);
  EXPECT_THAT(run.err, HasSubstr("options.toml:3: 'page_size' is no option of radixbench replay"));
  EXPECT_THAT(run.out, IsEmpty());
}

TEST_F(ConfigTest, WhatAFileCannotSayIsRefusedBeforeAnythingRuns) {
  const std::vector<std::string> texts = {"seed = \"many\"\n",
                                          "seed = 1\nseed = 2\n",
                                          "seed =\n",
                                          "[replay]\nseed = 1\n",
                                          "seed = [1, 2]\n",
                                          "config = \"x.toml\"\n",
                                          "help = true\n",
                                          "watch = \"perhaps\"\n",
                                          "not toml\n"};
  for (const std::string& text : texts) {
    const ToolRun run = run_tool({"replay", kTrace, "--config", file(text)});
    EXPECT_EQ(run.exit_code, 78) << text << run.err;
    EXPECT_THAT(run.err, HasSubstr("options.toml:")) << text;
    EXPECT_THAT(run.out, IsEmpty());
  }
}

TEST_F(ConfigTest, WhatStandsNearerWins) {
  const std::string path = file("seed = 3\nlayout = \"tp2\"\nlimit = 9\n");
  const ToolRun run =
      run_tool_in({.environment = {{"RADIXBENCH_SEED", "4"}, {"RADIXBENCH_LAYOUT", "tp4"}}},
                  {"replay", kTrace, "--config", path, "--layout", "tp8", "--dump-config"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("layout = \"tp8\"\n"));  // the command line
  EXPECT_THAT(run.out, HasSubstr("seed = 4\n"));          // the environment
  EXPECT_THAT(run.out, HasSubstr("limit = 9\n"));         // the file
  EXPECT_THAT(run.out, HasSubstr("page-size = 64\n"));    // the default
}

TEST_F(ConfigTest, TheEnvironmentIsValidatedToo) {
  const std::vector<std::pair<std::string, std::string>> wrong = {{"RADIXBENCH_SEED", "many"}};
  const ToolRun run = run_tool_in({.environment = wrong}, {"replay", kTrace, "--dump-config"});
  EXPECT_EQ(run.exit_code, 64);
  EXPECT_THAT(run.err, HasSubstr("seed"));
  EXPECT_EQ(run_tool_in({.environment = wrong}, {"replay", "--help"}).exit_code, 0);
  EXPECT_EQ(run_tool_in({.environment = wrong}, {"layout", "show", "tp2"}).exit_code, 0);
}

TEST_F(ConfigTest, OtherCommandsTakeFilesToo) {
  const std::string path = file("spec = \"tp2cp2\"\nformat = \"json\"\n");
  EXPECT_EQ(run_tool({"layout", "show", "--config", path}).out,
            run_tool({"layout", "show", "tp2cp2", "--format", "json"}).out);
}

TEST_F(ConfigTest, TheRecordHasValuesAndNotWhereTheyCameFrom) {
  const TempDirectory folder;
  const std::string run = folder.path().string() + "/run";
  const ToolRun ended = run_tool({"replay",
                                  kTrace,
                                  "--config",
                                  file("limit = 4\nlayout = \"tp2\"\ntransport = \"threads\"\n"),
                                  "-o",
                                  run});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("sglang:tp=2"));
  EXPECT_THAT(ended.out, HasSubstr("4 served"));
}

}  // namespace
}  // namespace radixbench

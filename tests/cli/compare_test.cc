#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;

// What is counted hangs on the options and the seed, not on how ranks reach each other.
TEST(CompareCommandTest, SameCountsOverThreadsAndSharedMemory) {
  const TempDirectory folder;
  const auto run = [&](const std::string& transport) {
    const std::string path = folder.path().string() + "/" + transport;
    const ToolRun ended = run_tool({"replay",
                                    RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl",
                                    "--layout",
                                    "sglang:tp=8,cp=2,dp=2",
                                    "--limit",
                                    "40",
                                    "--device-tokens",
                                    "60k",
                                    "--host-tokens",
                                    "120k",
                                    "--abort",
                                    "0.2",
                                    "--skew",
                                    "storage:rank=1,+20ms",
                                    "--transport",
                                    transport,
                                    "-o",
                                    path});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return path;
  };
  const ToolRun compared = run_tool({"compare", run("threads"), run("shm")});
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("counts are equal"));
}

// How a question goes round changes how many calls it takes, and nothing that is agreed.
TEST(CompareCommandTest, GridAndCheckedCallsLeaveWhatAxesDo) {
  const TempDirectory folder;
  const auto run = [&](const std::string& name, std::vector<std::string> more) {
    const std::string path = folder.path().string() + "/" + name;
    std::vector<std::string> words{"replay",
                                   RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl",
                                   "--layout",
                                   "tp2cp2",
                                   "--limit",
                                   "40",
                                   "--device-tokens",
                                   "60k",
                                   "--host-tokens",
                                   "120k",
                                   "-o",
                                   path};
    words.insert(words.end(), more.begin(), more.end());
    const ToolRun ended = run_tool(words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return path;
  };
  const std::string axes = run("axes", {});
  const ToolRun grid = run_tool({"compare", axes, run("grid", {"--reduce", "grid"})});
  EXPECT_THAT(grid.out, HasSubstr("wire_ops"));
  EXPECT_THAT(grid.out, testing::Not(HasSubstr("tokens_storage")));
  EXPECT_THAT(grid.out, testing::Not(HasSubstr("prefetch_used")));
  const ToolRun checked = run_tool({"compare", axes, run("checked", {"--check-calls"})});
  EXPECT_THAT(checked.out, HasSubstr("counts are equal"));
}

}  // namespace
}  // namespace radixbench

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

}  // namespace
}  // namespace radixbench

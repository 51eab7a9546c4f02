#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// Lists of groups in a folder of their own.
class LayoutCheckCommandTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_.path().string() + "/" + name;
    std::ofstream{path} << text;
    return path;
  }

  // Four ranks of tp2cp2, each telling its own groups.
  void write_ranks() {
    for (int rank = 0; rank < 4; ++rank) write_rank(rank, rank / 2 * 2, rank / 2 * 2 + 1);
  }

  void write_rank(int rank, int tp_first, int tp_second) {
    write("groups." + std::to_string(rank) + ".json",
          R"({"version": 1, "rank": )" + std::to_string(rank) +
              R"(, "world_size": 4, "groups": [{"name": "attn_cp:cpu", "ranks": [)" +
              std::to_string(rank % 2) + ", " + std::to_string(rank % 2 + 2) +
              R"(], "timeout_s": 7200}, {"name": "attention_tp:cpu", "ranks": [)" +
              std::to_string(tp_first) + ", " + std::to_string(tp_second) + "]}]}\n");
  }

  [[nodiscard]] std::string folder() const { return folder_.path().string(); }

 private:
  TempDirectory folder_;
};

TEST_F(LayoutCheckCommandTest, AProgramThatDoesAsItsLayoutSaysIsFine) {
  write_ranks();
  const ToolRun run = run_tool({"layout", "check", folder(), "--layout", "tp2cp2"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("8 groups in 4 lists, against sglang:tp=4,cp=2"));
}

TEST_F(LayoutCheckCommandTest, AWrongListIsAFindingThatNamesBothGroups) {
  write_ranks();
  write_rank(1, 1, 2);
  const ToolRun run = run_tool({"layout", "check", folder(), "--layout", "tp2cp2"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("group_create/membership"),
                    HasSubstr("attention_tp:cpu{1,2}"),
                    HasSubstr("groups.1.json")));
  const ToolRun json = run_tool({"layout", "check", folder(), "--layout=tp2cp2", "--format=json"});
  EXPECT_EQ(json.exit_code, 3);
  EXPECT_EQ(nlohmann::json::parse(json.out)["class"], "group_create/membership");
}

TEST_F(LayoutCheckCommandTest, ATimeoutBeyondTheWatchdogsIsAFinding) {
  write_ranks();
  const ToolRun run =
      run_tool({"layout", "check", folder(), "--layout", "tp2cp2", "--watchdog", "300"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, HasSubstr("timeout_misconfigured"));
  EXPECT_EQ(
      run_tool({"layout", "check", folder(), "--layout", "tp2cp2", "--watchdog", "7200"}).exit_code,
      0);
}

TEST_F(LayoutCheckCommandTest, MissingRanksAloneAreInconclusive) {
  write_rank(0, 0, 1);
  const ToolRun run = run_tool({"layout", "check", folder(), "--layout", "tp2cp2"});
  EXPECT_EQ(run.exit_code, 75);
  EXPECT_THAT(run.out, HasSubstr("incomplete"));
}

TEST_F(LayoutCheckCommandTest, BadDataNamesFileByteAndField) {
  const std::string path = write("g.json", R"({"groups": [{"ranks": [0, "1"]}]})");
  const ToolRun run = run_tool({"layout", "check", path, "--layout", "tp2"});
  EXPECT_EQ(run.exit_code, 65);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, HasSubstr(path + ":27: groups[0].ranks[1]: must be a whole number"));
  const std::string noise = write("noise.bin", "\x01\x02 neither JSON nor a ring");
  EXPECT_EQ(run_tool({"layout", "check", noise, "--layout", "tp2"}).exit_code, 65);
}

TEST_F(LayoutCheckCommandTest, WhatIsNotThereIsNoInput) {
  const ToolRun run = run_tool({"layout", "check", folder() + "/none.json", "--layout", "tp2"});
  EXPECT_EQ(run.exit_code, 66);
  EXPECT_THAT(run.err, HasSubstr("none.json"));
  EXPECT_EQ(run_tool({"layout", "check", folder(), "--layout", "tp2"}).exit_code, 66);
}

TEST_F(LayoutCheckCommandTest, WrongOptionsAreUsageAndABrokenLayoutConfiguration) {
  write_ranks();
  EXPECT_EQ(run_tool({"layout", "check", "--layout", "tp2"}).exit_code, 64);
  EXPECT_EQ(run_tool({"layout", "check", folder()}).exit_code, 64);
  EXPECT_EQ(run_tool({"layout", "check", folder(), "--layout", "tp2x"}).exit_code, 64);
  EXPECT_EQ(
      run_tool({"layout", "check", folder(), "--layout", "tp2", "--watchdog", "soon"}).exit_code,
      64);
  EXPECT_EQ(run_tool({"layout", "check", folder(), "--layout", "tp2", "--watchdog=-1"}).exit_code,
            64);
  EXPECT_EQ(run_tool({"layout", "check", folder(), "--layout", "tp2", "--format", "dot"}).exit_code,
            64);
  EXPECT_EQ(run_tool({"layout", "check", folder(), "--layout", "sglang:tp=8,cp=2,dp=3"}).exit_code,
            78);
}

}  // namespace
}  // namespace radixbench

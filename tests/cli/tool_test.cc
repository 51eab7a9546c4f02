// What every command shares: how wrong words end, and where help goes.

#include "cli/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(ToolTest, WrongWordsAreUsageErrorsOnStderrAlone) {
  const std::vector<std::vector<std::string>> lines = {{},
                                                       {"xyzzy"},
                                                       {"layout"},
                                                       {"layout", "xyzzy"},
                                                       {"layout", "show"},
                                                       {"layout", "show", "tp8", "tp8"},
                                                       {"layout", "show", "tp8", "--format"},
                                                       {"layout", "show", "tp8", "--format", "xml"},
                                                       {"layout", "show", "tp8", "--bogus"},
                                                       {"trace", "inspect"},
                                                       {"--bogus"}};
  for (const std::vector<std::string>& line : lines) {
    SCOPED_TRACE(testing::PrintToString(line));
    const ToolRun run = run_tool(line);
    EXPECT_EQ(run.exit_code, 64);
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, HasSubstr("radixbench: "));
  }
}

TEST(ToolTest, AnUnknownCommandIsAnsweredWithTheNearest) {
  EXPECT_THAT(run_tool({"layuot", "show"}).err, HasSubstr("did you mean 'layout'?"));
  EXPECT_THAT(run_tool({"lay"}).err, HasSubstr("did you mean 'layout'?"));
  EXPECT_THAT(run_tool({"trace", "inspct"}).err, HasSubstr("did you mean 'inspect'?"));
  EXPECT_THAT(run_tool({"completely-else"}).err, Not(HasSubstr("did you mean")));
}

TEST(ToolTest, AResultThatCannotBeWrittenIsAnIoError) {
  const ToolRun run = run_tool_into("/dev/full", {"layout", "show", "tp8"});
  EXPECT_EQ(run.exit_code, 74);
  EXPECT_THAT(run.err, HasSubstr("can't write"));
}

TEST(ToolTest, HelpAndVersionGoToStdout) {
  for (const std::vector<std::string>& line : {std::vector<std::string>{"--help"},
                                               {"layout", "--help"},
                                               {"layout", "show", "--help"},
                                               {"trace", "inspect", "--help"},
                                               {"--version"}}) {
    SCOPED_TRACE(testing::PrintToString(line));
    const ToolRun run = run_tool(line);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_THAT(run.out, Not(IsEmpty()));
    EXPECT_THAT(run.err, IsEmpty());
  }
  EXPECT_THAT(run_tool({"trace", "inspect", "--help"}).out, HasSubstr("Examples:"));
}

TEST(ToolTest, HelpListsEveryCommand) {
  const std::string help = run_tool({"--help"}).out;
  for (const char* command :
       {"replay", "sweep", "ab", "inject", "compare", "diagnose", "layout", "trace"}) {
    EXPECT_THAT(help, HasSubstr(std::string{"\n  "} + command + " "));
  }
}

}  // namespace
}  // namespace radixbench

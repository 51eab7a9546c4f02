// What every command shares with tools that people like: help, versions, colour, progress.

#include "cli/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kTrace = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";

const std::vector<std::string> kShortReplay = {
    "replay", kTrace, "--layout", "tp2", "--limit", "5", "-o", "run"};

std::vector<std::string> with(std::vector<std::string> words, std::vector<std::string> more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(HelpTest, ShortHelpHasExamplesBeforeTheNamesOfOptions) {
  const ToolRun run = run_tool({"replay", "-h"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, HasSubstr("Usage: radixbench replay [TRACE] [OPTIONS]"));
  EXPECT_LT(run.out.find("Examples:"), run.out.find("Options:"));
  EXPECT_THAT(run.out, Not(HasSubstr("Tokens a page")));
  EXPECT_LT(std::ranges::count(run.out, '\n'), 25);
}

TEST(HelpTest, FullHelpHasEveryOptionItsDefaultAndTheExitCodes) {
  const ToolRun run = run_tool({"replay", "--help"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, ContainsRegex("--page-size UINT=64 +Tokens a page"));
  EXPECT_THAT(run.out, HasSubstr("Exit codes:"));
  EXPECT_THAT(run.out, HasSubstr("RADIXBENCH_PAGE_SIZE"));
}

TEST(HelpTest, HelpOfACommandIsItsFullHelp) {
  EXPECT_EQ(run_tool({"help", "layout", "show"}).out, run_tool({"layout", "show", "--help"}).out);
  EXPECT_EQ(run_tool({"help"}).out, run_tool({"--help"}).out);
  const ToolRun wrong = run_tool({"help", "layuot"});
  EXPECT_EQ(wrong.exit_code, 64);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean 'layout'?"));
  EXPECT_EQ(run_tool({"help", "compare", "runs"}).exit_code, 64);
}

TEST(HelpTest, EveryListedCommandHasHelpOfBothKinds) {
  const std::string help = run_tool({"--help"}).out;
  std::size_t commands = 0;
  for (std::size_t at = help.find("\nSubcommands:\n"); at != std::string::npos;) {
    at = help.find("\n  ", at + 1);
    if (at == std::string::npos) break;
    const std::string name = help.substr(at + 3, help.find(' ', at + 3) - at - 3);
    if (name.empty() || name[0] == ' ' || name == "radixbench") continue;
    SCOPED_TRACE(name);
    ++commands;
    EXPECT_EQ(run_tool({name, "-h"}).exit_code, 0);
    EXPECT_THAT(run_tool({name, "--help"}).out, HasSubstr("Usage: radixbench " + name));
  }
  EXPECT_GE(commands, 8U);
}

TEST(VersionTest, OneLineAndJson) {
  const ToolRun line = run_tool({"--version"});
  EXPECT_THAT(line.out, StartsWith("radixbench "));
  EXPECT_EQ(std::ranges::count(line.out, '\n'), 1);
  const ToolRun all = run_tool({"--version=json"});
  EXPECT_EQ(all.exit_code, 0);
  const auto json = nlohmann::json::parse(all.out);
  EXPECT_EQ("radixbench " + json["version"].get<std::string>() + "\n", line.out);
  EXPECT_THAT(json["compiler"].get<std::string>(), ContainsRegex("gcc|clang"));
  EXPECT_EQ(json["schemas"]["radixbench.gate"], "1.0.0");
  EXPECT_THAT(json["parts"]["hdf5"]["runtime"].get<std::string>(), StartsWith("1."));
  for (const char* part : {"fmt", "cli11", "mpi", "gloo", "cuda", "nccl"}) {
    EXPECT_TRUE(json["parts"].contains(part)) << part;
  }
  // Whatever is usable here was built in, so the build knows its version.
  for (const char* part : {"mpi", "gloo"}) {
    const auto& versions = json["parts"][part];
    EXPECT_TRUE(versions["runtime"].is_null() || versions["build"].is_string()) << versions;
  }
  EXPECT_EQ(run_tool({"--version=yaml"}).exit_code, 64);
}

// CLI11 has exit codes of its own, 103 to 114.
TEST(ExitCodeTest, NoneOfTheParsersEscape) {
  const std::vector<std::pair<std::vector<std::string>, int>> lines = {
      {{"compare", "one"}, 64},
      {{"layout", "show"}, 64},
      {{"replay", kTrace, "--seed", "many"}, 64},
      {{"replay", kTrace, "--seed"}, 64},
      {{"replay", kTrace, "--seed", "1", "--seed", "2"}, 64},
      {{"replay", kTrace, "extra", "words"}, 64},
      {{"replay", "--config", "not-there.toml"}, 66},
      {{"replay", kTrace, "--color", "pink"}, 64},
      {{"--color"}, 64},
  };
  for (const auto& [line, code] : lines) {
    SCOPED_TRACE(testing::PrintToString(line));
    const ToolRun run = run_tool(line);
    EXPECT_EQ(run.exit_code, code) << run.err;
    EXPECT_THAT(run.out, IsEmpty());
  }
}

TEST(UnknownOptionTest, IsNamedWithTheNearestThatThereIs) {
  const ToolRun near = run_tool({"replay", kTrace, "--layuot", "tp2"});
  EXPECT_EQ(near.exit_code, 64);
  EXPECT_THAT(near.err,
              HasSubstr("radixbench: '--layuot' is no option of radixbench replay; did you mean "
                        "'--layout'?\n"));
  const ToolRun far = run_tool({"replay", kTrace, "--frobnicate=3"});
  EXPECT_EQ(far.exit_code, 64);
  EXPECT_THAT(far.err, HasSubstr("radixbench: '--frobnicate' is no option of radixbench replay\n"));
  EXPECT_THAT(run_tool({"replay", kTrace, "extra"}).err,
              HasSubstr("radixbench: radixbench replay takes no 'extra'\n"));
}

TEST(SizeTest, PowersOfTenAndOfTwoAreToldApart) {
  const auto exit_code = [](const std::string& size) {
    return run_tool(with(kShortReplay, {"--page-bytes", size})).exit_code;
  };
  EXPECT_EQ(exit_code("1KiB"), 0);
  EXPECT_EQ(exit_code("1KB"), 0);
  EXPECT_EQ(exit_code("5GB"), 64);  // a page's size has 32 bits
  EXPECT_EQ(exit_code("1kib"), 64);
}

TEST(ProgressTest, SilentInAPipeUnlessAskedOrInCi) {
  const ToolRun piped = run_tool_in({.environment = {{"CI", ""}}}, kShortReplay);
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_THAT(piped.err, Not(HasSubstr("of 5 requests")));
  const ToolRun asked =
      run_tool_in({.environment = {{"CI", ""}}}, with(kShortReplay, {"--progress", "on"}));
  EXPECT_THAT(asked.err, ContainsRegex("radixbench: [0-5] of 5 requests, .*\n"));
  const ToolRun ci = run_tool_in({.environment = {{"CI", "true"}}}, kShortReplay);
  EXPECT_THAT(ci.err, HasSubstr("of 5 requests"));
  const ToolRun off =
      run_tool_in({.environment = {{"CI", "true"}}}, with(kShortReplay, {"--progress", "off"}));
  EXPECT_THAT(off.err, Not(HasSubstr("of 5 requests")));
  for (const ToolRun& run : {piped, asked, ci, off}) {
    EXPECT_THAT(run.out + run.err, Not(HasSubstr("\x1b")));
  }
}

TEST(ProgressTest, RedrawsOnATerminalThatCan) {
  const auto on_terminal = [](const std::string& kind) {
    const ToolRun run = run_tool_in(
        {.environment = {{"TERM", kind}, {"CI", ""}}, .is_on_terminal = true}, kShortReplay);
    EXPECT_EQ(run.exit_code, 0) << run.out;
    return run.out;
  };
  EXPECT_THAT(on_terminal("xterm"), HasSubstr("\r\x1b[K"));
  const std::string dumb = on_terminal("dumb");
  EXPECT_THAT(dumb, Not(HasSubstr("\x1b")));
  EXPECT_THAT(dumb, HasSubstr("of 5 requests"));
}

}  // namespace
}  // namespace radixbench

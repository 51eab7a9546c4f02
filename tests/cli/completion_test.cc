// The scripts, in the shells that are here.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::Not;

class CompletionTest : public testing::Test {
 protected:
  // What bash prints, the completions being loaded.
  std::string bash(const std::string& script) const {
    const std::string path = folder_.path().string() + "/script";
    std::ofstream{path} << "PATH=$(dirname " << RADIXBENCH_TOOL << "):$PATH\n"
                        << "source <(radixbench completion bash)\n"
                        << script << "\n";
    std::FILE* pipe = ::popen(fmt::format("bash --norc {} 2>&1", path).c_str(), "r");
    std::string text;
    std::array<char, 4096> block{};
    while (const std::size_t bytes = std::fread(block.data(), 1, block.size(), pipe)) {
      text.append(block.data(), bytes);
    }
    EXPECT_EQ(::pclose(pipe), 0) << text;
    return text;
  }
  // What would be offered for the last word, a space round each.
  std::string completed(const std::string& words) const {
    return bash(
        fmt::format("COMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _radixbench; "
                    "echo \" ${{COMPREPLY[*]}} \"",
                    words));
  }

 private:
  TempDirectory folder_;
};

TEST_F(CompletionTest, BashKnowsTheTool) {
  EXPECT_THAT(bash("complete -p radixbench"), HasSubstr("-F _radixbench radixbench"));
}

TEST_F(CompletionTest, CommandsAndOptionsOfThePlaceAreOffered) {
  EXPECT_EQ(completed("radixbench repl"), " replay \n");
  EXPECT_EQ(completed("radixbench layout sh"), " show \n");
  EXPECT_EQ(completed("radixbench layout show --fo"), " --format \n");
  EXPECT_THAT(completed("radixbench replay --page"), HasSubstr(" --page-size --page-bytes "));
  EXPECT_EQ(completed("radixbench replay trace.jsonl --dump"), " --dump-config \n");
  EXPECT_EQ(completed("radixbench layout --se"), "  \n");
}

TEST_F(CompletionTest, EveryListedCommandIsOffered) {
  const std::string offered = completed("radixbench ''");
  for (const char* command : {"replay", "compare", "diagnose", "layout", "trace", "help"}) {
    EXPECT_THAT(offered, HasSubstr(fmt::format(" {} ", command)));
  }
}

TEST_F(CompletionTest, WhereAValueMustStandTheShellOffersFiles) {
  EXPECT_EQ(completed("radixbench replay --output ''"), "  \n");
  EXPECT_THAT(completed("radixbench replay --watch ''"), HasSubstr(" --layout "));
}

TEST_F(CompletionTest, OtherShellsReadTheirScripts) {
  for (const char* shell : {"zsh", "fish"}) {
    const ToolRun script = run_tool({"completion", shell});
    EXPECT_EQ(script.exit_code, 0);
    EXPECT_THAT(script.out, HasSubstr("page-size"));
    if (std::system(fmt::format("command -v {} > /dev/null", shell).c_str()) != 0) continue;
    const TempDirectory folder;
    const std::string path = folder.path().string() + "/script";
    std::ofstream{path} << script.out;
    EXPECT_EQ(std::system(fmt::format("{} -n {}", shell, path).c_str()), 0) << shell;
  }
}

TEST_F(CompletionTest, OtherShellsAreRefusedByName) {
  const ToolRun run = run_tool({"completion", "tcsh"});
  EXPECT_EQ(run.exit_code, 64);
  EXPECT_THAT(run.err, HasSubstr("tcsh"));
}

}  // namespace
}  // namespace radixbench

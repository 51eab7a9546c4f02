// Where the ranks of a replay run, as the system says while they do.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace radixbench {
namespace {

// Prints the cores of the replay's two ranks, a line each, as soon as each has but one, and stops
// the replay. It prints nothing where that never comes.
std::string watched_replay(const std::string& words, const std::string& output) {
  return fmt::format(
      "$TOOL replay {}/traces/sample_400.jsonl --layout tp2 {} -o {} > {}.out 2>&1 & p=$!; "
      "while kill -0 $p 2> /dev/null; do "
      "children=$(grep -ls \"^PPid:[[:space:]]$p$\" /proc/[0-9]*/status); "
      "cores=$([ -n \"$children\" ] && sed -n "
      "\"s/^Cpus_allowed_list:[[:space:]]*\\([0-9]*\\)$/\\1/p\" $children "
      "2> /dev/null); "
      "if [ $(echo \"$cores\" | grep -c .) = 2 ]; then echo \"$cores\" | sort; break; fi; "
      "done; kill $p 2> /dev/null; wait $p",
      RADIXBENCH_SOURCE_DIR,
      words,
      output,
      output);
}

class PinRanksTest : public testing::Test {
 protected:
  void SetUp() override {
    if (run_shell("nproc").out == "1\n") GTEST_SKIP() << "one core is everybody's";
  }
  [[nodiscard]] std::string output() const { return folder_.path().string() + "/run"; }

 private:
  TempDirectory folder_;
};

TEST_F(PinRanksTest, EachRankHasACoreInTurn) {
  const ToolRun run = run_shell(watched_replay("--pin-ranks", output()));
  const std::size_t end_of_first = run.out.find('\n');
  ASSERT_NE(end_of_first, std::string::npos) << run.out << run.err;
  EXPECT_NE(run.out.substr(0, end_of_first + 1), run.out.substr(end_of_first + 1));
}

TEST_F(PinRanksTest, UnlessAskedForRanksMayRunAnywhere) {
  EXPECT_EQ(run_shell(watched_replay("--limit 20", output())).out, "");
}

}  // namespace
}  // namespace radixbench

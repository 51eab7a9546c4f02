// Replays over MPI without a launcher, as a user sees them: what they count, how they end, and what
// they leave behind.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;

// Runs have their temporary files in a folder of the test's own, by whose name their processes are
// known too.
class MpiReplayTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_transport_usable("mpi")) GTEST_SKIP() << "no MPI here; `radixbench env` says why";
    ::setenv("TMPDIR", temp().c_str(), 1);
  }
  ~MpiReplayTest() override { ::unsetenv("TMPDIR"); }

  [[nodiscard]] std::string temp() const { return temp_.path().string(); }
  [[nodiscard]] std::string output(const std::string& name) const {
    return output_.path().string() + "/" + name;
  }
  // Files of MPI's, and processes that belong to this test's runs: none, within a few seconds.
  void expect_nothing_left() const {
    std::vector<std::string> left;
    for (int i = 0; i < 100; ++i) {
      left = left_behind();
      if (left.empty()) return;
      std::this_thread::sleep_for(100ms);
    }
    EXPECT_THAT(left, IsEmpty());
  }

 private:
  [[nodiscard]] std::vector<std::string> left_behind() const {
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator{temp_.path()}) {
      const std::string name = entry.path().filename();
      if (!name.starts_with("radixbench_test.")) left.push_back(name);
    }
    const std::string own = std::to_string(::getpid());
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
      std::ifstream file{entry.path() / "environ", std::ios::binary};
      const std::string text{std::istreambuf_iterator<char>{file}, {}};
      if (entry.path().filename() == own) continue;
      if (text.find("TMPDIR=" + temp()) != std::string::npos) left.push_back(entry.path());
    }
    return left;
  }

  TempDirectory temp_;
  TempDirectory output_;
};

TEST_F(MpiReplayTest, CountsWhatSharedMemoryCounts) {
  const std::vector<std::string> options{
      "--layout", "tp2cp2", "--limit", "6", "--abort", "0.2", "--skew", "storage:rank=1,+20ms"};
  for (const std::string transport : {"shm", "mpi"}) {
    std::vector<std::string> words = sample_replay(options);
    for (const std::string& word :
         {std::string{"--transport"}, transport, std::string{"-o"}, output(transport)}) {
      words.push_back(word);
    }
    const ToolRun ended = run_tool(words);
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
  }
  const ToolRun compared = run_tool({"compare", output("shm"), output("mpi")});
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("counts are equal"));
  expect_nothing_left();
}

TEST_F(MpiReplayTest, KilledRankEndsTheRunAndIsNamed) {
  const ToolRun ended = run_tool(sample_replay({"--layout",
                                                "tp2cp2",
                                                "--transport",
                                                "mpi",
                                                "--inject",
                                                "kill:rank=3,at=call,n=30",
                                                "-o",
                                                output("killed")}));
  EXPECT_EQ(ended.exit_code, 124);
  EXPECT_THAT(ended.err, HasSubstr("rank 3 died (signal 9) before "));
  EXPECT_TRUE(std::filesystem::exists(output("killed") + "/rings/rank00003.ring"));
  expect_nothing_left();
}

TEST_F(MpiReplayTest, WrongGroupEndsByDeadlineWithItsVerdict) {
  const ToolRun ended = run_tool(sample_replay({"--layout",
                                                "sglang:tp=4,dp=2",
                                                "--agreement",
                                                "stage_tp",
                                                "--transport",
                                                "mpi",
                                                "--deadline",
                                                "500ms",
                                                "-o",
                                                output("wrong")}));
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("wrong_group/too_large: "));
  // On a busy machine MPI may not have moved by then what all had brought.
  EXPECT_THAT(ended.err,
              AnyOf(HasSubstr(" did not come within "), HasSubstr("did not end within")));
  expect_nothing_left();
}

// Whoever kills the tool can't ask it to clean up.
TEST_F(MpiReplayTest, KilledToolLeavesNothing) {
  for (const auto wait : {100ms, 700ms, 1500ms}) {
    const ToolRun ended =
        run_tool_killed_after(wait, sample_replay({"--layout", "tp2cp2", "--transport", "mpi"}));
    EXPECT_EQ(ended.exit_code, 256 + SIGKILL) << "it ended before it could be killed";
    expect_nothing_left();
  }
}

TEST_F(MpiReplayTest, WithoutMpirunTheReasonIsTold) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  const ToolRun ended =
      run_tool(sample_replay({"--layout", "tp2cp2", "--transport", "mpi", "-o", output("none")}));
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(ended.exit_code, 69);
  EXPECT_THAT(ended.err, HasSubstr("--transport mpi: no mpirun on the PATH"));
  EXPECT_FALSE(std::filesystem::exists(output("none")));
}

}  // namespace
}  // namespace radixbench

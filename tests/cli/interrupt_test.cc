// Replays that are told to end or asked how they are: whether ranks are threads or processes makes
// no difference to whoever sends the signal.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class InterruptTest : public testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] std::string output() const { return folder_.path().string() + "/run"; }

  // By the wall clock the sample's arrivals alone take minutes: it does not end before it is told
  // to.
  [[nodiscard]] std::vector<std::string> replay(std::vector<std::string> more) const {
    more.insert(more.end(), {"--clock", "wall", "--transport", GetParam(), "-o", output()});
    return sample_replay(more);
  }
  [[nodiscard]] bool has(const std::string& file) const {
    std::error_code none;
    const auto size = std::filesystem::file_size(output() + "/" + file, none);
    return !none && size > 0;
  }
  void await(const std::string& file) const {
    for (int i = 0; i < 4'000 && !has(file); ++i) std::this_thread::sleep_for(5ms);
    ASSERT_TRUE(has(file)) << "after 20 s";
  }

 private:
  TempDirectory folder_;
};

TEST_P(InterruptTest, RunEndsAsInterruptedAndItsFilesAreWhole) {
  for (const std::string layout : {"tp1", "tp2"}) {
    for (const int signal : {SIGINT, SIGTERM}) {
      SCOPED_TRACE(layout + (signal == SIGINT ? " SIGINT" : " SIGTERM"));
      StartedTool tool{replay({"--layout", layout})};
      await("ranks/rank00000.h5");
      tool.send(signal);
      const ToolRun ended = tool.wait();
      EXPECT_EQ(ended.exit_code, 128 + signal) << ended.err;
      EXPECT_THAT(ended.err, HasSubstr("interrupted (signal " + std::to_string(signal) + ")"));
      EXPECT_TRUE(has("run.h5"));
      EXPECT_TRUE(has("rings/rank00000.ring"));
      const ToolRun verified = run_tool({"h5", "verify", output()});
      EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
      std::filesystem::remove_all(output());
    }
  }
}

// Rank 0 is busy for 20 s and hears nothing.
TEST_P(InterruptTest, SecondSignalEndsRanksThatDoNotListen) {
  std::vector<std::string> words = replay({"--layout", "tp2"});
  for (int second = 0; second < 20; ++second) {
    words.insert(words.end(), {"--inject", "slow_calls:rank=0,us=1000000"});
  }
  StartedTool tool{words};
  await("ranks/rank00000.h5");
  tool.send(SIGINT);
  tool.await_taken(SIGINT);
  tool.send(SIGTERM);
  const ToolRun ended = tool.wait();
  const bool are_threads = std::string{GetParam()} == "threads";
  EXPECT_EQ(ended.exit_code, are_threads ? 256 + SIGTERM : 128 + SIGINT) << ended.err;
  EXPECT_TRUE(has("rings/rank00000.ring"));
}

TEST_P(InterruptTest, QuestionIsAnsweredAndTheRunGoesOn) {
  StartedTool tool{replay({"--layout", "tp2"})};
  await("ranks/rank00000.h5");
  for (int i = 0; i < 2; ++i) {
    tool.send(SIGUSR1);
    EXPECT_THAT(tool.line_with("wait"), testing::AnyOf("who waits for whom", "nobody waits"));
  }
  tool.send(SIGTERM);
  EXPECT_EQ(tool.wait().exit_code, 143);
}

INSTANTIATE_TEST_SUITE_P(, InterruptTest, testing::Values("threads", "shm"), [](const auto& test) {
  return std::string{test.param};
});

}  // namespace
}  // namespace radixbench

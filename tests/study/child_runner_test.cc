#include "study/child_runner.h"

#include "support/temp_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/types.h>
#include <unistd.h>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

ChildCommand shell(const std::string& script) {
  return {.program = "/bin/sh",
          .words = {"-c", script},
          .environment = {},
          .out_path = {},
          .timeout = 60s};
}

ChildEnd end_of(const ChildCommand& command) {
  const Result<ChildEnd> end = ChildRunner::make()->run(command);
  EXPECT_TRUE(end) << (end ? "" : end.error().message);
  return end.value_or(ChildEnd{});
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// Whether a process is gone, its zombie (which its new parent has yet to reap) not counting.
bool is_gone(pid_t id) {
  const std::string status = contents("/proc/" + std::to_string(id) + "/status");
  return status.empty() || status.find("State:\tZ") != std::string::npos;
}

TEST(ChildRunnerTest, AChildThatEndsWellIsFine) {
  const ChildEnd end = end_of(shell("exit 0"));
  EXPECT_TRUE(end.is_fine());
  EXPECT_EQ(end.failure(), "");
}

TEST(ChildRunnerTest, ExitCodeAndFirstLineSayWhatFailed) {
  const ChildEnd end = end_of(shell("echo 'radixbench: rank 3 died' >&2; echo more >&2; exit 124"));
  EXPECT_EQ(end.exit_code, 124);
  EXPECT_EQ(end.failure(), "exit code 124: rank 3 died");
}

TEST(ChildRunnerTest, ASignalIsNamed) {
  EXPECT_EQ(end_of(shell("kill -SEGV $$")).failure(), "killed by signal 11");
}

TEST(ChildRunnerTest, EnvironmentAndOutputAreAsAsked) {
  const TempDirectory folder;
  ChildCommand command = shell("echo \"$PADDING $HOME\"; cat");
  command.environment = {{"PADDING", "xyz"}, {"HOME", "/nowhere"}};
  command.out_path = (folder.path() / "out").string();
  EXPECT_TRUE(end_of(command).is_fine());
  EXPECT_EQ(contents(command.out_path), "xyz /nowhere\n");
}

TEST(ChildRunnerTest, PastItsTimeAChildIsStopped) {
  ChildCommand command = shell("exec sleep 1000");
  command.timeout = 50ms;
  const ChildEnd end = end_of(command);
  EXPECT_TRUE(end.has_timed_out);
  EXPECT_THAT(end.failure(), HasSubstr("did not end in time"));
}

TEST(ChildRunnerTest, WhatAChildLeavesInItsGroupIsEnded) {
  const TempDirectory folder;
  ChildCommand command = shell("sleep 1000 & echo $!");
  command.out_path = (folder.path() / "out").string();
  EXPECT_TRUE(end_of(command).is_fine());
  EXPECT_TRUE(is_gone(std::stoi(contents(command.out_path))));
}

TEST(ChildRunnerTest, ALongErrorTextIsReadToItsEnd) {
  const ChildEnd end = end_of(shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 3"));
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.error_text, std::string(4096, 'x'));
}

TEST(ChildRunnerTest, AnInterruptReachesTheChild) {
  const std::unique_ptr<ChildRunner> runner = ChildRunner::make();
  // The child itself sends the signal, so that it certainly runs when it comes.
  const Result<ChildEnd> end =
      runner->run(shell("trap 'echo told >&2; exit 130' INT; kill -INT " +
                        std::to_string(getpid()) + "; while :; do sleep 0.01; done"));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->was_interrupted);
  EXPECT_EQ(end->exit_code, 130);
  EXPECT_EQ(end->failure(), "interrupted: told");
  EXPECT_EQ(runner->interrupted_by(), SIGINT);
}

TEST(ChildRunnerTest, AnInterruptBetweenChildrenIsSeen) {
  const std::unique_ptr<ChildRunner> runner = ChildRunner::make();
  EXPECT_EQ(runner->interrupted_by(), std::nullopt);
  kill(getpid(), SIGTERM);
  EXPECT_EQ(runner->interrupted_by(), SIGTERM);
}

TEST(ChildRunnerTest, AProgramThatIsNotThereIsAnError) {
  ChildCommand command = shell("");
  command.program = "/nowhere/radixbench";
  const Result<ChildEnd> end = ChildRunner::make()->run(command);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(end.error().message, HasSubstr("/nowhere/radixbench"));
}

}  // namespace
}  // namespace radixbench

// Replays whose ranks somebody else started: one process a rank, with a launcher's variables.

#include "cli/tool.h"

#include "record/hdf5_master.h"
#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

namespace radixbench {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kReplay =
    "$TOOL replay " RADIXBENCH_SOURCE_DIR
    "/traces/sample_400.jsonl --device-tokens 60k --host-tokens 120k --limit 8";

// Starts `count` processes at once, rank $r of them with `variables` before its command, and prints
// how each ended.
std::string start_all(int count, const std::string& variables, const std::string& words) {
  std::string line;
  for (int rank = 0; rank < count; ++rank) {
    line += fmt::format("r={}; {} {} {} & p{}=$!; ", rank, variables, kReplay, words, rank);
  }
  for (int rank = 0; rank < count; ++rank) line += fmt::format("wait $p{}; echo code=$?; ", rank);
  return line;
}

std::string codes(int code, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format("code={}\n", code);
  return text;
}

class LaunchedTest : public testing::Test {
 protected:
  [[nodiscard]] std::string output() const { return folder_.path().string() + "/run"; }

 private:
  TempDirectory folder_;
};

// A port of its own for each process of tests, as they run side by side; no system gives these
// away.
int master_port() { return 20'000 + ::getpid() % 10'000; }

const std::string kTorchrun = fmt::format(
    "RANK=$r WORLD_SIZE=4 LOCAL_RANK=$r LOCAL_WORLD_SIZE=4 MASTER_ADDR=127.0.0.1 MASTER_PORT={}",
    master_port());

TEST_F(LaunchedTest, TorchrunsRanksAreOneRunThatRankZeroTells) {
  const ToolRun run =
      run_shell(start_all(4, kTorchrun, "--layout tp2cp2 --transport shm -o " + output()));
  EXPECT_THAT(run.out, HasSubstr(codes(0, 4)));
  EXPECT_EQ(count_of(run.out, "radixbench replay of sample_400.jsonl"), 1U);
  EXPECT_EQ(run.err, "launcher=torchrun rank=0/4 local=0/4\n");
  EXPECT_TRUE(std::filesystem::exists(output() + "/run.h5"));
  EXPECT_TRUE(std::filesystem::exists(output() + "/rings/rank00003.ring"));
  const Result<MasterData> master = read_hdf5_master(output());
  ASSERT_TRUE(master) << master.error().message;
  EXPECT_THAT(master->identity.provenance,
              Contains(std::pair<std::string, std::string>{"launcher", "torchrun"}));
}

TEST_F(LaunchedTest, SlurmsStepIsOneRun) {
  const ToolRun run = run_shell(
      start_all(2,
                "SLURM_PROCID=$r SLURM_NTASKS=2 SLURM_LOCALID=$r SLURM_JOB_ID=71 SLURM_STEP_ID=0 "
                "SLURM_STEP_TASKS_PER_NODE=2",
                "--layout tp2 --transport shm -o " + output()));
  EXPECT_THAT(run.out, HasSubstr(codes(0, 2)));
  EXPECT_EQ(run.err, "launcher=slurm rank=0/2 local=0/2\n");
}

TEST_F(LaunchedTest, GlooUnderTorchrunAndSlurmIsOneRunToo) {
  if (!is_transport_usable("gloo")) GTEST_SKIP() << "no gloo here";
  const std::string words = "--layout tp2cp2 --transport gloo -o " + output();
  const ToolRun torchrun = run_shell(start_all(4, kTorchrun, words + "-torchrun"));
  EXPECT_THAT(torchrun.out, HasSubstr(codes(0, 4)));
  EXPECT_EQ(torchrun.err, "launcher=torchrun rank=0/4 local=0/4\n");
  const ToolRun slurm = run_shell(
      start_all(4,
                "SLURM_PROCID=$r SLURM_NTASKS=4 SLURM_LOCALID=$r SLURM_JOB_ID=72 SLURM_STEP_ID=0 "
                "SLURM_NODEID=0 SLURM_STEP_TASKS_PER_NODE=4",
                words + "-slurm"));
  EXPECT_THAT(slurm.out, HasSubstr(codes(0, 4)));
  EXPECT_EQ(slurm.err, "launcher=slurm rank=0/4 local=0/4\n");
  const ToolRun compared = run_tool({"compare", output() + "-torchrun", output() + "-slurm"});
  EXPECT_THAT(compared.out, HasSubstr("counts are equal")) << compared.err;
}

// Everyone ends as the run does.
TEST_F(LaunchedTest, DeathOfARankEndsAllWithTheRunsCode) {
  const ToolRun run = run_shell(
      start_all(4, kTorchrun, "--layout tp2cp2 --inject kill:rank=3,at=call,n=30 -o " + output()));
  EXPECT_THAT(run.out, HasSubstr(codes(124, 4)));
  EXPECT_THAT(run.err, HasSubstr("rank 3 died (signal 9) before "));
}

TEST_F(LaunchedTest, OptionsThatDifferAreRefusedByAll) {
  const ToolRun run =
      run_shell(start_all(4, kTorchrun, "--layout tp2cp2 --seed $((r / 3)) -o " + output()));
  EXPECT_THAT(run.out, HasSubstr(codes(76, 4)));
  EXPECT_THAT(run.err, HasSubstr("--seed is '0' to rank 0 but '1' to rank 3"));
  EXPECT_FALSE(std::filesystem::exists(output()));
}

TEST_F(LaunchedTest, OtherNumberOfRanksThanTheLayoutsIsRefused) {
  const ToolRun run = run_shell(start_all(4, kTorchrun, "--layout tp2 -o " + output()));
  EXPECT_THAT(run.out, HasSubstr(codes(78, 4)));
  EXPECT_THAT(run.err, HasSubstr("torchrun started 4 ranks, and sglang:tp=2 has 2"));
}

TEST_F(LaunchedTest, TwoLaunchersThatDisagreeAreNamed) {
  const ToolRun run =
      run_shell(start_all(1, kTorchrun + " OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4", "-o x"));
  EXPECT_THAT(run.out, HasSubstr(codes(78, 1)));
  EXPECT_THAT(run.err, HasSubstr("torchrun (rank 0 of 4) and openmpi (rank 1 of 4)"));
}

// Whoever started the ranks, and also where nobody will ask for the secret.
TEST_F(LaunchedTest, SecretThatCannotBeUsedIsRefusedWithItsName) {
  const std::string secret = output() + ".secret";
  const std::string write = fmt::format("echo 00112233445566778899aabbccddeeff > {}; ", secret);
  const auto refused = [&](const std::string& before, const std::string& variables, int count) {
    return run_shell(before + start_all(count, variables, "--layout tp2 -o " + output()));
  };
  const std::string two = "RADIXBENCH_RANK=$r RADIXBENCH_WORLD_SIZE=2 RADIXBENCH_JOB=" + output();
  for (const auto& [variables, count] : {std::pair{std::string{}, 1}, std::pair{two, 2}}) {
    const std::string by_file = variables + " RADIXBENCH_SECRET_FILE=" + secret;
    const ToolRun none = refused("", by_file, count);
    EXPECT_THAT(none.out, HasSubstr(codes(78, count)));
    EXPECT_THAT(none.err,
                HasSubstr("--secret-file: secret file " + secret + ": No such file or directory"));
    EXPECT_EQ(count_of(none.err, "--secret-file"), 1U) << none.err;
    const ToolRun open = refused(write + "chmod 640 " + secret + "; ", by_file, count);
    EXPECT_THAT(open.out, HasSubstr(codes(78, count)));
    EXPECT_THAT(open.err, HasSubstr(secret + ": others than its owner may use it (mode 0640"));
    const ToolRun word = refused("", variables + " RADIXBENCH_SECRET=0011", count);
    EXPECT_THAT(word.out, HasSubstr(codes(78, count)));
    EXPECT_THAT(word.err, HasSubstr("RADIXBENCH_SECRET: the run's secret must be 32 hex digits"));
    std::filesystem::remove(secret);
    EXPECT_FALSE(std::filesystem::exists(output()));
  }
}

// Rank 1's process is killed as soon as the run has begun to write, which is long before its end.
TEST_F(LaunchedTest, KilledProcessTakesItsRankAlong) {
  std::string line = fmt::format("MASTER_PORT={}; export MASTER_PORT; ", master_port());
  for (const int rank : {0, 1}) {
    line += fmt::format(
        "RANK={} WORLD_SIZE=2 LOCAL_RANK={} LOCAL_WORLD_SIZE=2 $TOOL replay " RADIXBENCH_SOURCE_DIR
        "/traces/sample_400.jsonl --layout tp2 -o {} & p{}=$!; ",
        rank,
        rank,
        output(),
        rank);
  }
  line += fmt::format("until [ -s {}/ranks/rank00001.h5 ]; do sleep 0.01; done; ", output());
  line += "kill -9 $p1; wait $p0; echo code=$?; wait $p1";
  const ToolRun run = run_shell(line);
  EXPECT_THAT(run.out, HasSubstr(codes(124, 1)));
  EXPECT_THAT(run.err, HasSubstr("rank 1 died (signal 9)"));
}

TEST_F(LaunchedTest, MpirunsRanksHaveThePlacesThatItGaveThem) {
  if (!is_transport_usable("mpi")) GTEST_SKIP() << "no MPI here";
  const ToolRun run = run_shell(
      fmt::format("mpirun $([ $(id -u) = 0 ] && echo --allow-run-as-root) --oversubscribe -n 4 "
                  "{} --layout tp2cp2 --transport mpi -o {}",
                  kReplay,
                  output()));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(count_of(run.out, "radixbench replay of sample_400.jsonl"), 1U);
  EXPECT_THAT(run.err, HasSubstr("launcher=openmpi rank=0/4 local=0/4"));
  EXPECT_THAT(run.err, Not(HasSubstr("radixbench: ")));
}

}  // namespace
}  // namespace radixbench

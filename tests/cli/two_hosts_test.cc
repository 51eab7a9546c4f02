// Replays whose ranks are on two hosts. The hosts are namespaces, with addresses, shared memory and
// run folders of their own.

#include "cli/tool.h"

#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <tuple>

namespace radixbench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTwoHosts = RADIXBENCH_SOURCE_DIR "/tests/cli/two_hosts";
constexpr const char* kReplay = "$TOOL replay " RADIXBENCH_SOURCE_DIR
                                "/traces/sample_400.jsonl --device-tokens 60k --host-tokens 120k";
constexpr const char* kSecret = "RADIXBENCH_SECRET=00112233445566778899aabbccddeeff";
constexpr int kNoNamespaces = 77;

class TwoHostsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_transport_usable("gloo")) GTEST_SKIP() << "no gloo here";
    const ToolRun tried = on_two_hosts("true");
    if (tried.exit_code == kNoNamespaces) GTEST_SKIP() << tried.err;
  }

  [[nodiscard]] std::string output() const { return folder_.path().string() + "/run"; }

  // `line` has no single quotes.
  [[nodiscard]] ToolRun on_two_hosts(const std::string& line) const {
    return run_shell(fmt::format("{} {} '{}'", kTwoHosts, folder_.path().string(), line));
  }

  // Two ranks on each host as torchrun starts them, `words` after those of all; p0 to p3 are their
  // processes. Words of the second host may differ.
  [[nodiscard]] std::string start(const std::string& words, const std::string& words_of_b) const {
    return fmt::format("export {}; ", kSecret) + start_without_secret(words, words_of_b);
  }
  [[nodiscard]] std::string start_without_secret(const std::string& words,
                                                 const std::string& words_of_b) const {
    std::string line;
    for (int rank = 0; rank < 4; ++rank) {
      line += fmt::format(
          "{} env RANK={} WORLD_SIZE=4 LOCAL_RANK={} LOCAL_WORLD_SIZE=2 MASTER_ADDR=10.77.0.1 "
          "MASTER_PORT=29500 {} -o {} --transport gloo {} & p{}=$!; ",
          rank < 2 ? "" : "$on_b",
          rank,
          rank % 2,
          kReplay,
          output(),
          rank < 2 ? words : words_of_b,
          rank);
    }
    return line;
  }
  [[nodiscard]] std::string start(const std::string& words) const { return start(words, words); }

  static std::string wait_for_all() {
    return "for p in $p0 $p1 $p2 $p3; do wait $p; echo code=$?; done; ";
  }
  // Of both hosts, for --secret-file; the second host's of this mode.
  [[nodiscard]] std::string write_secret_files(const std::string& mode) const {
    const std::string write =
        fmt::format("sh -c \"echo 00112233445566778899aabbccddeeff > {0}.secret; chmod", output());
    return fmt::format(
        "{0} 0600 {1}.secret\"; $on_b {0} {2} {1}.secret\"; ", write, output(), mode);
  }
  // For the second host; the first one would wait for it.
  static std::string wait_for_b_and_kill_a() {
    return "for p in $p2 $p3; do wait $p; echo code=$?; done; kill -9 $p0 $p1";
  }
  // Until the ranks of both hosts write.
  [[nodiscard]] std::string wait_for_ranks() const {
    return fmt::format(
        "until [ -s {0}/ranks/rank00001.h5 ] && $on_b test -s {0}/ranks/rank00003.h5; do sleep "
        "0.02; "
        "done; ",
        output());
  }

  // What was printed after the result.
  static std::string codes_and_rest(const ToolRun& run) {
    const std::size_t at = run.out.find("code=");
    return at == std::string::npos ? std::string{} : run.out.substr(at);
  }
  static std::string codes(int code, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += fmt::format("code={}\n", code);
    return text;
  }

 private:
  TempDirectory folder_;
};

// All that is compared lies in the first host's folder: what ranks of the other one wrote has come
// from there.
TEST_F(TwoHostsTest, CountsOverGlooAreThoseOfOneHost) {
  const ToolRun run =
      on_two_hosts(start("--layout tp2cp2 --limit 4") + wait_for_all() + "$on_b ls " + output());
  EXPECT_THAT(run.out, AllOf(HasSubstr(codes(0, 4)), Not(HasSubstr("run.h5")))) << run.err;
  EXPECT_EQ(run.err, "launcher=torchrun rank=0/4 local=0/2\n");
  EXPECT_TRUE(std::filesystem::exists(output() + "/rings/rank00003.ring"));
  const std::string alone = output() + "-alone";
  const ToolRun on_one =
      run_shell(fmt::format("{} --layout tp2cp2 --limit 4 -o {}", kReplay, alone));
  ASSERT_EQ(on_one.exit_code, 0) << on_one.err;
  const ToolRun compared = run_tool({"compare", alone, output()});
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("counts are equal"));
  const ToolRun hosts = run_shell("cat " + output() + "/hosts.txt");
  EXPECT_THAT(hosts.out, AllOf(HasSubstr("hosta: ranks 0,1\n"), HasSubstr("hostb: ranks 2,3\n")));
}

TEST_F(TwoHostsTest, OptionsThatDifferAreRefusedByBothHosts) {
  const ToolRun run =
      on_two_hosts(start("--layout tp2cp2 --seed 1", "--layout tp2cp2 --seed 2") + wait_for_all());
  EXPECT_THAT(run.out, HasSubstr(codes(76, 4)));
  EXPECT_THAT(run.err, HasSubstr("--seed is '1' to rank 0 but '2' to rank 2"));
  EXPECT_FALSE(std::filesystem::exists(output()));
}

// Ranks 1 and 3 vote on a group of their own beside what the layout says.
TEST_F(TwoHostsTest, VerdictIsFromTheRingsOfBothHosts) {
  const ToolRun run =
      on_two_hosts(start("--layout sglang:tp=4,dp=2 --agreement stage_tp --deadline 1s") +
                   wait_for_all() + "what_is_left");
  EXPECT_EQ(codes_and_rest(run), codes(3, 4));
  EXPECT_THAT(run.err, HasSubstr("wrong_group/too_large: "));
}

TEST_F(TwoHostsTest, DeathOfARankOfTheOtherHostIsNamed) {
  const ToolRun run =
      on_two_hosts(start("--layout tp2cp2 --inject kill:rank=3,at=call,n=30") + wait_for_all());
  EXPECT_THAT(run.out, HasSubstr(codes(124, 4)));
  EXPECT_THAT(run.err, HasSubstr("rank 3 died (signal 9) before "));
  EXPECT_THAT(run.out, Not(HasSubstr("incomplete")));
}

// The supervisor there, and with it the ranks and whatever else there was of the host.
TEST_F(TwoHostsTest, HostThatIsKilledIsNamedWithItsRanks) {
  const ToolRun run =
      on_two_hosts(start("--layout tp2cp2") + wait_for_ranks() +
                   "kill -9 $p2 $p3; wait $p0; echo code=$?; wait $p1; echo code=$?; what_is_left");
  EXPECT_EQ(codes_and_rest(run), codes(124, 2));
  EXPECT_THAT(run.err, HasSubstr("ranks 2, 3 could not be seen: host hostb is lost: "));
}

TEST_F(TwoHostsTest, HostsThatArePartedBothEndAndRankZeroNamesWhoCouldNotBeSeen) {
  const ToolRun run = on_two_hosts(start("--layout tp2cp2 --deadline 1s") + wait_for_ranks() +
                                   "cut_cable; " + wait_for_all());
  EXPECT_THAT(run.out, HasSubstr(codes(124, 4)));
  EXPECT_THAT(run.err, HasSubstr("ranks 2, 3 could not be seen: host hostb is lost: "));
  EXPECT_THAT(run.out, HasSubstr("incomplete"));
}

TEST_F(TwoHostsTest, SecretIsNeeded) {
  const ToolRun none =
      on_two_hosts(start_without_secret("--layout tp2cp2", "--layout tp2cp2") + wait_for_all());
  EXPECT_THAT(none.out, HasSubstr(codes(78, 4)));
  EXPECT_THAT(none.err, HasSubstr("need a secret in common"));
}

// Each host reads a file of its own, and rank 0's listens at all its addresses.
TEST_F(TwoHostsTest, SecretOfAFileAndAnAddressToListenAtAreTaken) {
  const std::string words =
      fmt::format("--layout tp2cp2 --limit 1 --secret-file {}.secret", output());
  const ToolRun run = on_two_hosts(write_secret_files("0600") +
                                   start_without_secret(words + " --bind 0.0.0.0", words) +
                                   wait_for_all() + "what_is_left");
  EXPECT_EQ(codes_and_rest(run), codes(0, 4)) << run.err;
}

// The first process of the other host says so; the first host waits for it in vain.
TEST_F(TwoHostsTest, SecretFileThatOthersMayReadIsRefusedByItsHost) {
  const std::string words = fmt::format("--layout tp2cp2 --secret-file {}.secret", output());
  const ToolRun run = on_two_hosts(write_secret_files("0640") + start_without_secret(words, words) +
                                   wait_for_b_and_kill_a());
  EXPECT_THAT(run.out, HasSubstr(codes(78, 2)));
  EXPECT_EQ(count_of(run.err, "radixbench: --secret-file: "), 1U) << run.err;
  EXPECT_THAT(run.err,
              HasSubstr(fmt::format("radixbench: --secret-file: secret file {}.secret: others than "
                                    "its owner may use it (mode 0640, wanted 0600)\n",
                                    output())));
}

TEST_F(TwoHostsTest, HostWithAnotherSecretIsRefused) {
  const std::string other =
      "export on_b=\"$on_b env RADIXBENCH_SECRET=ff112233445566778899aabbccddeeff\"; ";
  const ToolRun run = on_two_hosts(other + start("--layout tp2cp2") + wait_for_b_and_kill_a());
  EXPECT_THAT(run.out, HasSubstr(codes(78, 2)));
  EXPECT_THAT(run.err, HasSubstr("the host of rank 0 does not know this run's secret"));
}

TEST_F(TwoHostsTest, SignalToTheSupervisorOfEitherHostEndsAllAsInterrupted) {
  for (const auto& [process, name, code] : {std::tuple{"$p2", "INT", 130},
                                            std::tuple{"$p0", "INT", 130},
                                            std::tuple{"$p2", "TERM", 143}}) {
    SCOPED_TRACE(fmt::format("{} {}", name, process));
    const ToolRun run =
        on_two_hosts(start("--layout tp2cp2") + wait_for_ranks() +
                     fmt::format("kill -{} {}; ", name, process) + wait_for_all() + "what_is_left");
    EXPECT_EQ(codes_and_rest(run), codes(code, 4)) << run.err;
    EXPECT_THAT(run.err, HasSubstr(fmt::format("interrupted (signal {})", code - 128)));
    EXPECT_TRUE(std::filesystem::exists(output() + "/ranks/rank00003.h5"));
    std::filesystem::remove_all(output());
  }
}

// One rank on the first node and three on the second.
TEST_F(TwoHostsTest, SlurmsNodesMayHaveDifferentNumbersOfRanks) {
  std::string line = fmt::format("export {} SLURM_JOB_ID=7 SLURM_STEP_ID=0; ", kSecret);
  for (int rank = 0; rank < 4; ++rank) {
    line += fmt::format(
        "{} env SLURM_PROCID={} SLURM_NTASKS=4 SLURM_LOCALID={} SLURM_NODEID={} "
        "SLURM_STEP_TASKS_PER_NODE=1,3 {} -o {} --layout tp2cp2 --limit 1 --transport gloo "
        "--rendezvous 10.77.0.1:29500 & p{}=$!; ",
        rank == 0 ? "" : "$on_b",
        rank,
        rank == 0 ? 0 : rank - 1,
        rank == 0 ? 0 : 1,
        kReplay,
        output(),
        rank);
  }
  const ToolRun run = on_two_hosts(line + wait_for_all());
  EXPECT_THAT(run.out, HasSubstr(codes(0, 4)));
  EXPECT_EQ(run.err, "launcher=slurm rank=0/4 local=0/1\n");
  const ToolRun hosts = run_shell("cat " + output() + "/hosts.txt");
  EXPECT_THAT(hosts.out, AllOf(HasSubstr("hosta: ranks 0\n"), HasSubstr("hostb: ranks 1,2,3\n")));
}

// mpirun reaches the other host through an agent that enters its namespaces.
TEST_F(TwoHostsTest, CountsOverMpiAreThoseOfOneHost) {
  if (!is_transport_usable("mpi")) GTEST_SKIP() << "no MPI here";
  const std::string replay = fmt::format("{} --layout tp2cp2 --limit 2", kReplay);
  const ToolRun run = on_two_hosts(fmt::format(
      "export {} TMPDIR={}; mpirun $([ $(id -u) = 0 ] && echo --allow-run-as-root) --oversubscribe "
      "--bind-to none -n 4 --host 10.77.0.1:2,10.77.0.2:2 --mca plm_rsh_agent \"{} --agent\" "
      "--mca oob_tcp_if_include 10.77.0.0/24 --mca btl_tcp_if_include 10.77.0.0/24 "
      "--mca pml ob1 --mca btl self,vader,tcp --mca btl_vader_single_copy_mechanism none "
      "--mca mpi_yield_when_idle 1 {} --transport mpi --rendezvous 10.77.0.1:29501 -o {}",
      kSecret,
      std::filesystem::path{output()}.parent_path().string(),
      kTwoHosts,
      replay,
      output()));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("launcher=openmpi rank=0/4 local=0/2"));
  const std::string alone = output() + "-alone";
  ASSERT_EQ(run_shell(fmt::format("{} -o {}", replay, alone)).exit_code, 0);
  const ToolRun compared = run_tool({"compare", alone, output()});
  EXPECT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("counts are equal"));
}

}  // namespace
}  // namespace radixbench

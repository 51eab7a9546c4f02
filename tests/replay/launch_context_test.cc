#include "replay/launch_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace radixbench {
namespace {

using testing::HasSubstr;
using testing::ValuesIn;

struct LaunchCase {
  const char* name;
  LaunchFlags flags;
  EnvironmentMap environment;
  // What describe() says of it, or a part of the message of a refusal.
  std::string expected;
  ErrorCode code = ErrorCode::kConfiguration;  // of a refusal
};
void PrintTo(const LaunchCase& launch, std::ostream* out) { *out << launch.name; }

const EnvironmentMap kOpenMpi{{"OMPI_COMM_WORLD_RANK", "3"},
                              {"OMPI_COMM_WORLD_SIZE", "8"},
                              {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                              {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
const EnvironmentMap kTorchrun{{"RANK", "5"},
                               {"WORLD_SIZE", "8"},
                               {"LOCAL_RANK", "1"},
                               {"LOCAL_WORLD_SIZE", "4"},
                               {"MASTER_ADDR", "node0"},
                               {"MASTER_PORT", "29500"},
                               {"TORCHELASTIC_RUN_ID", "none"}};
const EnvironmentMap kSlurmStep{{"SLURM_PROCID", "2"},
                                {"SLURM_NTASKS", "4"},
                                {"SLURM_LOCALID", "0"},
                                {"SLURM_STEP_ID", "0"},
                                {"SLURM_STEP_NODELIST", "node[0-1]"},
                                {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"}};

EnvironmentMap with(EnvironmentMap map, EnvironmentMap more) {
  for (const auto& [name, value] : more) map.insert_or_assign(name, value);
  return map;
}
EnvironmentMap without(EnvironmentMap map, const std::string& name) {
  map.erase(name);
  return map;
}

class FoundTest : public testing::TestWithParam<LaunchCase> {};

TEST_P(FoundTest, SaysWhoStartedThisRank) {
  const auto context = find_launch(GetParam().flags, GetParam().environment);
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_EQ(describe(*context), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    ,
    FoundTest,
    ValuesIn(std::vector<LaunchCase>{
        {"Nothing", {}, {}, "launcher=none rank=0/1 local=?/?"},
        {"Flags",
         {.rank = "1", .world_size = "4", .local_rank = "1"},
         {},
         "launcher=flags rank=1/4 local=1/?"},
        {"FlagsAndAnEqualEnvironment",
         {.rank = "3", .world_size = "8"},
         kOpenMpi,
         "launcher=flags rank=3/8 local=?/?"},
        {"Ours",
         {},
         {{"RADIXBENCH_RANK", "0"},
          {"RADIXBENCH_WORLD_SIZE", "2"},
          {"RADIXBENCH_LOCAL_RANK", "0"},
          {"RADIXBENCH_LOCAL_SIZE", "1"}},
         "launcher=radixbench rank=0/2 local=0/1"},
        {"Torchrun", {}, kTorchrun, "launcher=torchrun rank=5/8 local=1/4"},
        {"RankAndWorldSizeAloneAreNotTorchruns",
         {},
         without(kTorchrun, "LOCAL_RANK"),
         "launcher=none rank=0/1 local=?/?"},
        {"OpenMpi", {}, kOpenMpi, "launcher=openmpi rank=3/8 local=1/2"},
        {"OpenMpiInAnAllocationWhoseDaemonsAreASlurmStep",
         {},
         with(kOpenMpi, kSlurmStep),
         "launcher=openmpi rank=3/8 local=1/2"},
        {"OpenMpiInABatchScript",
         {},
         with(kOpenMpi, {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "7"}}),
         "launcher=openmpi rank=3/8 local=1/2"},
        {"Mpich",
         {},
         {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "2"}},
         "launcher=mpich rank=1/2 local=1/2"},
        {"Cray",
         {},
         {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"PMI_LOCAL_RANK", "0"}},
         "launcher=mpich rank=1/2 local=0/?"},
        {"SrunWithPmi2SaysTheSameTwice",
         {},
         with(kSlurmStep, {{"PMI_RANK", "2"}, {"PMI_SIZE", "4"}}),
         "launcher=mpich rank=2/4 local=?/?"},
        {"Slurm", {}, kSlurmStep, "launcher=slurm rank=2/4 local=0/2"},
        {"SlurmWithUnevenNodes",
         {},
         with(kSlurmStep, {{"SLURM_STEP_TASKS_PER_NODE", "3,1"}}),
         "launcher=slurm rank=2/4 local=0/?"},
        {"SlurmsNodeWithTheMostRanks",
         {},
         with(kSlurmStep, {{"SLURM_STEP_TASKS_PER_NODE", "1,3"}, {"SLURM_NODEID", "1"}}),
         "launcher=slurm rank=2/4 local=0/3"},
        {"SlurmsNodeAmongEqualOnes",
         {},
         with(kSlurmStep, {{"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"}, {"SLURM_NODEID", "2"}}),
         "launcher=slurm rank=2/4 local=0/2"},
        {"SlurmsNodeAfterEqualOnes",
         {},
         with(kSlurmStep, {{"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"}, {"SLURM_NODEID", "3"}}),
         "launcher=slurm rank=2/4 local=0/1"},
        {"SlurmsNodeThatItDoesNotList",
         {},
         with(kSlurmStep, {{"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"}, {"SLURM_NODEID", "4"}}),
         "launcher=slurm rank=2/4 local=0/?"},
        {"BatchScriptIsNoRank",
         {},
         {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "7"}},
         "launcher=none rank=0/1 local=?/?"},
        {"BatchStepIsNoRank",
         {},
         with(kSlurmStep, {{"SLURM_STEP_ID", "batch"}}),
         "launcher=none rank=0/1 local=?/?"},
        {"BatchStepByItsNumberIsNoRank",
         {},
         with(kSlurmStep, {{"SLURM_STEP_ID", "4294967291"}}),
         "launcher=none rank=0/1 local=?/?"},
        {"PmixAloneIsAHint",
         {},
         {{"PMIX_RANK", "3"}, {"PMIX_NAMESPACE", "x"}},
         "launcher=none rank=0/1 local=?/?"},
        {"WishSettlesAConflict",
         {.launcher = "torchrun"},
         with(kTorchrun, kSlurmStep),
         "launcher=torchrun rank=5/8 local=1/4"},
        {"WishForNone", {.launcher = "none"}, kOpenMpi, "launcher=none rank=0/1 local=?/?"},
        {"EmptyVariablesAreNotSet",
         {},
         with(kSlurmStep, {{"RADIXBENCH_RANK", ""}, {"RANK", ""}}),
         "launcher=slurm rank=2/4 local=0/2"},
    }),
    [](const auto& test) { return std::string{test.param.name}; });

class RefusedTest : public testing::TestWithParam<LaunchCase> {};

TEST_P(RefusedTest, SaysWhatDoesNotGoTogether) {
  const auto context = find_launch(GetParam().flags, GetParam().environment);
  ASSERT_FALSE(context) << describe(*context);
  EXPECT_EQ(context.error().code, GetParam().code);
  EXPECT_THAT(context.error().message, HasSubstr(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    ,
    RefusedTest,
    ValuesIn(std::vector<LaunchCase>{
        {"TorchrunInsideSrun",
         {},
         with(kTorchrun, kSlurmStep),
         "torchrun (rank 5 of 8) and slurm (rank 2 of 4); --launcher says whose word counts"},
        {"TorchrunInsideMpirun",
         {},
         with(kTorchrun, kOpenMpi),
         "torchrun (rank 5 of 8) and openmpi (rank 3 of 8)"},
        {"FlagsAgainstTheEnvironment",
         {.rank = "0", .world_size = "8"},
         kOpenMpi,
         "flags (rank 0 of 8) and openmpi (rank 3 of 8)"},
        {"SameRankOfAnotherSize",
         {},
         with(kOpenMpi, {{"RADIXBENCH_RANK", "3"}, {"RADIXBENCH_WORLD_SIZE", "4"}}),
         "radixbench (rank 3 of 4) and openmpi (rank 3 of 8)"},
        {"RankFlagAlone", {.rank = "1"}, {}, "--rank needs --world-size"},
        {"SizeFlagAlone", {.world_size = "4"}, {}, "--world-size needs --rank"},
        {"OurRankAlone", {}, {{"RADIXBENCH_RANK", "1"}}, "RADIXBENCH_RANK needs"},
        {"RankBeyondSize",
         {},
         with(kOpenMpi, {{"OMPI_COMM_WORLD_RANK", "8"}}),
         "OMPI_COMM_WORLD_RANK is 8, and OMPI_COMM_WORLD_SIZE is 8"},
        {"NoNumber",
         {},
         with(kTorchrun, {{"WORLD_SIZE", "eight"}}),
         "WORLD_SIZE is 'eight', which is no number of ranks"},
        {"NegativeRank", {.rank = "-1", .world_size = "2"}, {}, "--rank is '-1'"},
        {"WishForWhatIsNotThere",
         {.launcher = "slurm"},
         kOpenMpi,
         "--launcher slurm: it left no rank and number of ranks here"},
        {"UnknownWish",
         {.launcher = "pbs"},
         {},
         "--launcher 'pbs' is none of auto, none, flags, radixbench, torchrun, openmpi, mpich, "
         "slurm",
         ErrorCode::kInvalidArgument},
    }),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(LaunchContextTest, HintOfPmixIsTold) {
  const auto context = find_launch({}, {{"PMIX_RANK", "3"}});
  ASSERT_TRUE(context);
  EXPECT_THAT(context->note, HasSubstr("PMIX_RANK is set"));
}

TEST(LaunchContextTest, FlagForTheMeetingPlaceGoesBeforeTheVariable) {
  const EnvironmentMap environment = with(kOpenMpi, {{"RADIXBENCH_RENDEZVOUS", "node0:1"}});
  EXPECT_EQ(find_launch({}, environment)->rendezvous, "node0:1");
  EXPECT_EQ(find_launch({.rendezvous = "node1:2"}, environment)->rendezvous, "node1:2");
}

TEST(LaunchContextTest, MapHasWhatEntriesSay) {
  const char* const entries[] = {"A=1", "B=", "C=x=y", "nothing", nullptr};
  EXPECT_EQ(environment_map(entries), (EnvironmentMap{{"A", "1"}, {"B", ""}, {"C", "x=y"}}));
}

}  // namespace
}  // namespace radixbench

#include "record/provenance.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace radixbench {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::Pair;

TEST(ProvenanceTest, OnlyNamedVariablesOfTheEnvironmentAreTaken) {
  EXPECT_THAT(allowed_environment({"PATH=/bin",
                                   "NCCL_DEBUG=INFO",
                                   "AWS_SECRET_ACCESS_KEY=x",
                                   "UCX_TLS=tcp",
                                   "HOME=/root",
                                   "SLURM_JOB_ID=7",
                                   "no_equals"}),
              ElementsAre(Pair("env.NCCL_DEBUG", "INFO"),
                          Pair("env.SLURM_JOB_ID", "7"),
                          Pair("env.UCX_TLS", "tcp")));
}

TEST(ProvenanceTest, NamesThatSpeakOfSecretsAreNeverTaken) {
  EXPECT_FALSE(is_allowed_variable("RADIXBENCH_SECRET"));
  EXPECT_FALSE(is_allowed_variable("NCCL_SECRET_THING"));
  EXPECT_FALSE(is_allowed_variable("OMPI_MCA_token_TOKEN"));
  EXPECT_FALSE(is_allowed_variable("SLURM_JOB_IDX"));
}

TEST(ProvenanceTest, ProcessTellsOfItsMachineAndNotOfItsWholeEnvironment) {
  ::setenv("RADIXBENCH_SECRET", "0123456789abcdef", 1);
  ::setenv("NCCL_DEBUG", "WARN", 1);
  const NamedValues values = collect_provenance();
  EXPECT_THAT(values, Contains(Pair("env.NCCL_DEBUG", "WARN")));
  EXPECT_THAT(values, Contains(Pair("cpus_allowed", Not(""))));
  EXPECT_THAT(values, Not(Contains(Pair(::testing::_, ::testing::HasSubstr("0123456789abcdef")))));
}

}  // namespace
}  // namespace radixbench

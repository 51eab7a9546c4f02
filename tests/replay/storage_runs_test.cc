// What a run's storage changes: nothing, memory that ends with it, or a directory that stays.

#include "replay/replay_fixture.h"

namespace radixbench {
namespace {

using StorageRunsTest = ReplayTest;

TEST_F(StorageRunsTest, WithoutStorageNobodyDrainsOrPrefetches) {
  ReplayOptions chosen = options("tp4cp2");
  chosen.storage = StorageKind::kNone;
  chosen.engine.abort_rate = 0;
  const ReplayRun done = run(chosen);
  expect_clean(done);
  EXPECT_EQ(done.counter("prefetches"), 0U);
  EXPECT_GT(done.counter("load_backs"), 0U);
  for (const StepRow& step : done.ranks[0].steps) {
    EXPECT_EQ(step.agreements, step.kind == StepKind::kDecode ? 3U : 2U) << step.step;
  }
}

TEST_F(StorageRunsTest, MemoryAndDirectoryAreTheSameTierToTheRun) {
  ReplayOptions chosen = options("tp4cp2");
  const ReplayRun memory = run(chosen);
  chosen.storage = StorageKind::kDirectory;
  chosen.storage_directory = (directory() / "storage").string();
  const ReplayRun files = run(chosen);
  expect_clean(files);
  ASSERT_EQ(memory.ranks[0].steps.size(), files.ranks[0].steps.size());
  for (std::size_t i = 0; i < files.ranks[0].steps.size(); ++i) {
    ASSERT_EQ(memory.ranks[0].steps[i].digest, files.ranks[0].steps[i].digest) << "step " << i;
  }
}

TEST_F(StorageRunsTest, AnotherRunFindsThePagesOfTheFirst) {
  ReplayOptions chosen = options("sglang:tp=4,cp=2,dp=2");
  chosen.storage = StorageKind::kDirectory;
  chosen.storage_directory = (directory() / "storage").string();
  // Nothing left to come when a request starts, or the second would find no more than the first.
  chosen.policy = PrefetchPolicy::kWaitComplete;
  const ReplayRun cold = run(chosen);
  const ReplayRun warm = run(chosen);
  expect_clean(cold);
  expect_clean(warm);
  EXPECT_GT(warm.counter("tokens.storage"), cold.counter("tokens.storage"));
  EXPECT_LT(warm.counter("tokens.computed"), cold.counter("tokens.computed"));
}

TEST_F(StorageRunsTest, PagesOfFewTokensAreKnownByTheirTokensAndAgreeAsWell) {
  ReplayOptions chosen = options("tp2cp2");
  chosen.engine.page_tokens = 8;
  chosen.trace.limit = 12;
  expect_clean(run(chosen));
}

}  // namespace
}  // namespace radixbench

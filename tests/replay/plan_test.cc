#include "replay/plan.h"

#include "replay/rank_storage.h"
#include "replay/replay_fixture.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace radixbench {
namespace {

class PlanTest : public ReplayTest {
 protected:
  ReplayOptions fine(const std::string& layout = "tp1") {
    ReplayOptions chosen = options(layout);
    chosen.output_directory = (directory() / "out").string();
    return chosen;
  }
  void expect_refused(const ReplayOptions& chosen, ErrorCode code, const std::string& words) {
    const Result<ReplayPlan> plan = make_plan(chosen);
    ASSERT_FALSE(plan) << words;
    EXPECT_EQ(plan.error().code, code) << plan.error().message;
    EXPECT_THAT(plan.error().message, testing::HasSubstr(words));
  }
  void expect_refused(const std::function<void(ReplayOptions&)>& spoil,
                      ErrorCode code,
                      const std::string& words) {
    ReplayOptions chosen = fine();
    spoil(chosen);
    expect_refused(chosen, code, words);
  }
};

TEST_F(PlanTest, WorksOutPagesLatenciesAndAnEmptyPlaceForTheRun) {
  ReplayOptions chosen = fine("sglang:tp=8,cp=2,dp=2");
  skew(chosen, "storage:cp=1,+40ms");
  const Result<ReplayPlan> plan = make_plan(chosen);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->device_pages(), 80U);
  EXPECT_EQ(plan->host_pages(), 128U);
  EXPECT_EQ(plan->skews.size(), 8U);
  EXPECT_EQ(plan->first_outputs.size(), plan->trace.requests.size());
  // 128 KiB a token, 64 tokens, sharded over two TP ranks, at 4 GB/s.
  EXPECT_EQ(plan->latency.page_read_ns, 131'072 * 64 / 2 / 4);
  EXPECT_TRUE(std::filesystem::is_directory(plan->rank_directory));
}

TEST_F(PlanTest, SeveralStagesDoNotGoWithAnyAgreementYet) {
  expect_refused(fine("sglang:tp=4,pp=2"), ErrorCode::kConfiguration, "2 stages");
}

TEST_F(PlanTest, OptionsThatDoNotGoTogetherAreNamed) {
  const auto code = ErrorCode::kConfiguration;
  expect_refused([](ReplayOptions& o) { o.host_tokens = o.device_tokens - 64; },
                 code,
                 "--host-tokens 5056 is less than --device-tokens 5120");
  expect_refused([](ReplayOptions& o) { o.device_tokens = 63; }, code, "--device-tokens");
  expect_refused([](ReplayOptions& o) { o.engine.chunk_tokens = 63; }, code, "--chunk-tokens 63");
  expect_refused([](ReplayOptions& o) { o.storage = StorageKind::kNone; }, code, "--abort");
  expect_refused(
      [](ReplayOptions& o) {
        o.engine.has_neighbours = false;
        o.engine.clock = ClockMode::kWall;
      },
      code,
      "--neighbours off");
  expect_refused([](ReplayOptions& o) { o.skews = {parse_skew("storage:cp=1,+1ms").value()}; },
                 code,
                 "no rank");
}

TEST_F(PlanTest, WhatIsForNcclAloneIsRefusedElsewhere) {
  const auto code = ErrorCode::kConfiguration;
  expect_refused([](ReplayOptions& o) { o.nccl.shares_gpu = true; }, code, "--share-gpu is for");
  expect_refused([](ReplayOptions& o) { o.nccl.creation = NcclCreation::kFirstCall; },
                 code,
                 "--nccl-creation is for");
}

TEST_F(PlanTest, AFaultForARankThatThereIsNotIsRefused) {
  expect_refused([](ReplayOptions& o) { o.faults = {"kill:rank=1,at=step"}; },
                 ErrorCode::kConfiguration,
                 "--inject kill:rank=1,at=step: sglang:tp=1 has ranks 0 to 0");
}

TEST_F(PlanTest, ShortestQueueNeedsNeighboursOnlyWhereThereAreSeveralQueues) {
  ReplayOptions chosen = fine("sglang:tp=4,dp=2");
  chosen.engine.dispatch = Dispatch::kShortestQueue;
  chosen.engine.has_neighbours = false;
  expect_refused(chosen, ErrorCode::kConfiguration, "shortest_queue");
  chosen.layout = "tp4";
  EXPECT_TRUE(make_plan(chosen));
}

TEST_F(PlanTest, BadLayoutsAndTracesAreRefusedForWhatTheyAre) {
  expect_refused([](ReplayOptions& o) { o.layout = "tq8"; }, ErrorCode::kInvalidArgument, "tq8");
  expect_refused([](ReplayOptions& o) { o.trace_path = "absent.jsonl"; },
                 ErrorCode::kNotFound,
                 "absent.jsonl");
  const std::filesystem::path torn = directory() / "torn.jsonl";
  std::ofstream{torn} << "{\"timestamp\": 0, \"input_length\"\n";
  expect_refused(
      [&](ReplayOptions& o) { o.trace_path = torn.string(); }, ErrorCode::kCorrupt, "torn.jsonl:1");
}

TEST_F(PlanTest, APlaceThatHoldsARunIsLeftAlone) {
  ASSERT_TRUE(make_plan(fine()));
  expect_refused(fine(), ErrorCode::kCannotCreate, "holds a run already");
}

TEST_F(PlanTest, AnOutputThatCannotBeMadeIsRefused) {
  const std::filesystem::path file = directory() / "file";
  std::ofstream{file} << "x";
  expect_refused([&](ReplayOptions& o) { o.output_directory = (file / "out").string(); },
                 ErrorCode::kCannotCreate,
                 "cannot make");
}

TEST_F(PlanTest, AStorageDirectoryThatCannotHoldTheRunIsRefusedAtTheStart) {
  ReplayOptions chosen = fine("tp8");
  chosen.storage = StorageKind::kDirectory;
  chosen.storage_directory = (directory() / "storage").string();
  // Over a hundred distinct pages on each of eight ranks: some tera, which no test machine has.
  chosen.page_bytes = 4'000'000'000U;
  expect_refused(chosen, ErrorCode::kCannotCreate, "storage");
}

TEST_F(PlanTest, PagesBelongToARankByAttentionTpUnderReplicasAndElseByTheStage) {
  ReplayOptions chosen = fine("sglang:tp=8,cp=2,dp=2");
  const Result<ReplayPlan> replicas = make_plan(chosen);
  ASSERT_TRUE(replicas);
  const StorageIdentity of_seven = storage_identity(*replicas, 7);
  EXPECT_EQ(of_seven.tp_rank, 1U);
  EXPECT_EQ(of_seven.tp_size, 2U);
  EXPECT_EQ(of_seven.cp_rank, 1U);
  EXPECT_EQ(of_seven.dp_rank, 1U);

  chosen.layout = "tp4cp2";
  chosen.output_directory += "2";
  const Result<ReplayPlan> one = make_plan(chosen);
  ASSERT_TRUE(one);
  EXPECT_EQ(storage_identity(*one, 7).tp_rank, 7U);
  EXPECT_EQ(storage_identity(*one, 7).tp_size, 8U);
  EXPECT_EQ(storage_identity(*one, 7).cp_rank, 1U);
  EXPECT_EQ(storage_identity(*one, 7).dp_size, 1U);
}

}  // namespace
}  // namespace radixbench

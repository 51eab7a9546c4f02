#include "record/hdf5_recorder.h"

#include "base/random.h"
#include "record/record_fixture.h"

#include <gmock/gmock.h>

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

namespace radixbench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Hdf5RecorderTest : public ::testing::Test {
 protected:
  std::unique_ptr<Recorder> open(const RecorderOptions& options = {}) {
    auto recorder = open_hdf5_recorder(path_, identity_of(3), options);
    EXPECT_TRUE(recorder) << recorder.error().message;
    return std::move(*recorder);
  }
  RankData read() {
    auto data = read_hdf5_rank(path_);
    EXPECT_TRUE(data) << data.error().message;
    return data ? std::move(*data) : RankData{};
  }
  const SampleColumns& samples(const RankData& data, Phase phase) {
    return data.samples[static_cast<std::size_t>(phase)];
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("rank00003.h5");
};

TEST_F(Hdf5RecorderTest, IdentityComesBackInOrderAndWithEmptyValues) {
  ASSERT_TRUE(open()->close(RankStatus::kComplete, {}));
  const RankData data = read();
  EXPECT_EQ(data.identity.run_id, identity_of(3).run_id);
  EXPECT_EQ(data.identity.rank, 3U);
  EXPECT_EQ(data.identity.world_size, 8U);
  EXPECT_EQ(data.identity.clock, "virtual");
  EXPECT_EQ(data.identity.options, identity_of(3).options);
  EXPECT_EQ(data.identity.provenance, identity_of(3).provenance);
  EXPECT_EQ(data.status, RankStatus::kComplete);
}

TEST_F(Hdf5RecorderTest, SamplesOfManyChunksComeBackFromEveryPhase) {
  constexpr std::uint64_t kRows = 40'000;
  auto recorder = open();
  for (std::uint64_t number = 0; number < kRows; ++number) {
    recorder->sample(Producer::kScheduler, Phase::kConsensus, sample_number(number));
    recorder->sample(Producer::kScheduler, Phase::kNeighbour, sample_number(number));
    if (number < 10) recorder->sample(Producer::kScheduler, Phase::kDrain, sample_number(number));
    if (number % 1'000 == 0) {
      ASSERT_TRUE(recorder->between_steps());
    }
  }
  ASSERT_TRUE(recorder->close(RankStatus::kComplete, {}));
  const RankData data = read();
  EXPECT_EQ(first_wrong_sample(samples(data, Phase::kConsensus)), kRows);
  EXPECT_EQ(first_wrong_sample(samples(data, Phase::kNeighbour)), kRows);
  EXPECT_EQ(first_wrong_sample(samples(data, Phase::kDrain)), 10U);
  EXPECT_EQ(samples(data, Phase::kPrefetch).size(), 0U);
  EXPECT_EQ(data.rows_dropped, 0U);
}

TEST_F(Hdf5RecorderTest, ProducersOnTwoThreadsKeepTheirOwnOrder) {
  constexpr std::uint64_t kRows = 20'000;
  auto recorder = open();
  std::thread prefetch{[&] {
    for (std::uint64_t number = 0; number < kRows; ++number) {
      recorder->sample(Producer::kPrefetch, Phase::kPrefetch, sample_number(number));
    }
  }};
  for (std::uint64_t number = 0; number < kRows; ++number) {
    recorder->sample(Producer::kScheduler, Phase::kDrain, sample_number(number));
  }
  prefetch.join();
  ASSERT_TRUE(recorder->close(RankStatus::kComplete, {}));
  const RankData data = read();
  EXPECT_EQ(first_wrong_sample(samples(data, Phase::kPrefetch)), kRows);
  EXPECT_EQ(first_wrong_sample(samples(data, Phase::kDrain)), kRows);
}

TEST_F(Hdf5RecorderTest, StepsAndDigestsComeBack) {
  auto recorder = open();
  StepRow step;
  step.step = 7;
  step.now_ns = 42;
  step.digest = 0xFFFF'FFFF'FFFF'FFFFULL;
  step.blocked_ns = 11;
  step.agreements = 5;
  step.wire_ops = 10;
  step.examined = 2;
  step.answered = 1;
  step.running = 3;
  step.waiting = 4;
  step.kind = StepKind::kDecode;
  recorder->step(step);
  ASSERT_TRUE(recorder->close(RankStatus::kComplete, {}));
  const RankData data = read();
  ASSERT_EQ(data.steps.size(), 1U);
  EXPECT_EQ(data.steps[0].step, 7U);
  EXPECT_EQ(data.steps[0].now_ns, 42);
  EXPECT_EQ(data.steps[0].digest, step.digest);
  EXPECT_EQ(data.steps[0].blocked_ns, 11);
  EXPECT_EQ(data.steps[0].agreements, 5U);
  EXPECT_EQ(data.steps[0].wire_ops, 10U);
  EXPECT_EQ(data.steps[0].examined, 2U);
  EXPECT_EQ(data.steps[0].answered, 1U);
  EXPECT_EQ(data.steps[0].running, 3U);
  EXPECT_EQ(data.steps[0].waiting, 4U);
  EXPECT_EQ(data.steps[0].kind, StepKind::kDecode);
}

TEST_F(Hdf5RecorderTest, RequestsKeepTiersAndMissingTimes) {
  auto recorder = open();
  RequestRow row;
  row.request_id = 9;
  row.arrival_ns = 100;
  row.input = 1'000;
  row.device = 200;
  row.host = 300;
  row.storage = 400;
  row.computed = 100;
  row.last_token = 1;
  row.below_page = 9;
  row.load_back_refused = 30;
  row.prefetch_cut = 60;
  row.output = 17;
  row.is_aborted = 1;
  recorder->request(row);
  ASSERT_TRUE(recorder->close(RankStatus::kComplete, {}));
  const RankData data = read();
  ASSERT_EQ(data.requests.size(), 1U);
  const RequestRow& back = data.requests[0];
  EXPECT_EQ(back.arrival_ns, 100);
  EXPECT_EQ(back.admitted_ns, kMissingNs);
  EXPECT_EQ(back.finished_ns, kMissingNs);
  EXPECT_THAT((std::array{back.input, back.device, back.host, back.storage, back.computed}),
              ElementsAre(1'000, 200, 300, 400, 100));
  EXPECT_THAT((std::array{back.last_token,
                          back.below_page,
                          back.load_back_refused,
                          back.prefetch_cut,
                          back.output}),
              ElementsAre(1, 9, 30, 60, 17));
  EXPECT_EQ(back.is_aborted, 1);
}

TEST_F(Hdf5RecorderTest, PrefetchesKeepTheirFates) {
  auto recorder = open();
  PrefetchRow row;
  row.request_id = 5;
  row.applied_ns = 77;
  row.own_completed = 512;
  row.requested = 100;
  row.not_in_storage = 10;
  row.cut = 30;
  row.inserted = 60;
  row.used = 50;
  recorder->prefetch(row);
  ASSERT_TRUE(recorder->close(RankStatus::kComplete, {}));
  const RankData data = read();
  ASSERT_EQ(data.prefetches.size(), 1U);
  EXPECT_EQ(data.prefetches[0].last_page_ns, kMissingNs);
  EXPECT_EQ(data.prefetches[0].applied_ns, 77);
  EXPECT_EQ(data.prefetches[0].own_completed, 512);
  EXPECT_EQ(data.prefetches[0].requested, 100U);
  EXPECT_EQ(data.prefetches[0].cut, 30U);
  EXPECT_EQ(data.prefetches[0].used, 50U);
}

TEST_F(Hdf5RecorderTest, GroupsKeepTheirMembersAndCountersTheirUnits) {
  auto recorder = open();
  recorder->group({4, "attn_cp{3,7}", {3, 7}, 0});
  recorder->group({5, "attention_tp{2,3}", {2, 3}, 1});
  ASSERT_TRUE(recorder->close(RankStatus::kComplete,
                              {{"agreements.drain", 12, "1"}, {"bytes.moved", 4'096, "bytes"}}));
  const RankData data = read();
  ASSERT_EQ(data.groups.size(), 2U);
  EXPECT_EQ(data.groups[0].group_id, 4);
  EXPECT_EQ(data.groups[1].name, "attention_tp{2,3}");
  EXPECT_THAT(data.groups[1].members, ElementsAre(2, 3));
  EXPECT_EQ(data.groups[1].my_index, 1U);
  ASSERT_EQ(data.counters.size(), 2U);
  EXPECT_EQ(data.counters[0].name, "agreements.drain");
  EXPECT_EQ(data.counters[1].value, 4'096U);
  EXPECT_EQ(data.counters[1].unit, "bytes");
}

TEST_F(Hdf5RecorderTest, LosslessQueueThatIsTooSmallForAStepLosesNothing) {
  RecorderOptions options;
  options.queue_rows = 64;
  constexpr std::uint64_t kRows = 5'000;
  auto recorder = open(options);
  for (std::uint64_t number = 0; number < kRows; ++number) {
    recorder->sample(Producer::kScheduler, Phase::kConsensus, sample_number(number));
  }
  ASSERT_TRUE(recorder->between_steps());
  EXPECT_EQ(recorder->dropped_count(), 0U);
  ASSERT_TRUE(recorder->close(RankStatus::kComplete, {}));
  EXPECT_EQ(first_wrong_sample(samples(read(), Phase::kConsensus)), kRows);
}

TEST_F(Hdf5RecorderTest, FullQueueOfAWallRunCountsWhatItDrops) {
  RecorderOptions options;
  options.is_lossless = false;
  options.queue_rows = 64;
  constexpr std::uint64_t kRows = 200'000;
  auto recorder = open(options);
  for (std::uint64_t number = 0; number < kRows; ++number) {
    recorder->sample(Producer::kScheduler, Phase::kConsensus, sample_number(number));
  }
  EXPECT_TRUE(recorder->between_steps());
  const std::uint64_t dropped = recorder->dropped_count();
  EXPECT_GT(dropped, 0U);
  ASSERT_TRUE(recorder->close(RankStatus::kComplete, {}));
  const RankData data = read();
  EXPECT_EQ(data.rows_dropped, dropped);
  EXPECT_EQ(samples(data, Phase::kConsensus).size() + dropped, kRows);
}

TEST_F(Hdf5RecorderTest, SeveralRanksOfOneProcessRecordAtOnce) {
  constexpr std::uint64_t kRows = 3'000;
  std::vector<std::thread> ranks;
  for (Rank rank = 0; rank < 4; ++rank) {
    ranks.emplace_back([&, rank] {
      auto recorder = open_hdf5_recorder(folder_.file(std::to_string(rank)), identity_of(rank), {});
      ASSERT_TRUE(recorder) << recorder.error().message;
      for (std::uint64_t number = 0; number < kRows; ++number) {
        (*recorder)->sample(Producer::kScheduler, Phase::kDrain, sample_number(number));
      }
      ASSERT_TRUE((*recorder)->close(RankStatus::kComplete, {}));
    });
  }
  for (auto& rank : ranks) rank.join();
  for (Rank rank = 0; rank < 4; ++rank) {
    const auto data = read_hdf5_rank(folder_.file(std::to_string(rank)));
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->identity.rank, rank);
    EXPECT_EQ(first_wrong_sample(samples(*data, Phase::kDrain)), kRows);
  }
}

TEST_F(Hdf5RecorderTest, ReaderSeesAcknowledgedRowsWhileTheWriterLives) {
  RecorderOptions options;
  options.commit_min = std::chrono::milliseconds{1};
  auto recorder = open(options);
  for (std::uint64_t number = 0; number < 1'000; ++number) {
    recorder->sample(Producer::kScheduler, Phase::kConsensus, sample_number(number));
  }
  RankData data;
  for (int look = 0; look < 1'000 && samples(data, Phase::kConsensus).size() < 1'000; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    data = read();
  }
  EXPECT_EQ(data.status, RankStatus::kRunning);
  EXPECT_EQ(first_wrong_sample(samples(data, Phase::kConsensus)), 1'000U);
  ASSERT_TRUE(recorder->close(RankStatus::kAborted, {}));
  EXPECT_EQ(read().status, RankStatus::kAborted);
}

TEST_F(Hdf5RecorderTest, RecorderDestroyedUnclosedLeavesItsRowsAndSaysRunning) {
  auto recorder = open();
  recorder->sample(Producer::kScheduler, Phase::kConsensus, sample_number(0));
  recorder.reset();
  const RankData data = read();
  EXPECT_EQ(data.status, RankStatus::kRunning);
  EXPECT_EQ(samples(data, Phase::kConsensus).size(), 1U);
}

// A file system of 4 MiB stands for a disk that fills up; only root may mount one.
class FullDiskTest : public Hdf5RecorderTest {
 protected:
  void SetUp() override {
    disk_ = folder_.file("disk");
    std::filesystem::create_directory(disk_);
    if (mount("radixbench_test", disk_.c_str(), "tmpfs", 0, "size=4m") != 0) {
      disk_.clear();
      GTEST_SKIP() << "can't mount a small file system: " << std::strerror(errno);
    }
    path_ = disk_ + "/rank00003.h5";
  }
  void TearDown() override {
    if (!disk_.empty()) umount2(disk_.c_str(), MNT_DETACH);
  }
  // Hands in rows until between_steps() fails.
  Error fill(Recorder& recorder) {
    Random random{1, "full_disk"};
    for (std::uint64_t number = 0; number < 10'000'000; ++number) {
      SampleRow row = sample_number(number);
      row.values = {static_cast<std::int64_t>(random.next()), 1, 1};
      recorder.sample(Producer::kScheduler, Phase::kConsensus, row);
      if (number % 1'000 != 0) continue;
      if (auto ready = recorder.between_steps(); !ready) return ready.error();
    }
    return {ErrorCode::kTimeout, "the disk did not fill up"};
  }

  std::string disk_;
};

TEST_F(FullDiskTest, RunIsToldAndNothingThatWasAcknowledgedIsLost) {
  RecorderOptions options;
  options.commit_min = std::chrono::milliseconds{1};
  auto recorder = open(options);
  const Error error = fill(*recorder);
  EXPECT_EQ(error.code, ErrorCode::kIo);
  EXPECT_THAT(error.message, HasSubstr("rank00003.h5"));
  EXPECT_THAT(error.message, HasSubstr("No space left on device"));
  EXPECT_FALSE(recorder->close(RankStatus::kAborted, {}));
  const RankData data = read();
  const SampleColumns& rows = samples(data, Phase::kConsensus);
  EXPECT_GT(rows.size(), 10'000U);
  Random random{1, "full_disk"};
  for (std::uint64_t number = 0; number < rows.size(); ++number) {
    ASSERT_EQ(rows.op_seq[number], number);
    ASSERT_EQ(rows.values[0][number], static_cast<std::int64_t>(random.next()));
  }
}

TEST_F(FullDiskTest, FileThatFindsNoRoomAtAllIsAnErrorAtOnce) {
  std::ofstream{disk_ + "/filler"} << std::string(4U << 20U, 'x');
  const auto recorder = open_hdf5_recorder(path_, identity_of(0), {});
  ASSERT_FALSE(recorder);
  EXPECT_THAT(recorder.error().message, HasSubstr("No space left on device"));
}

TEST_F(Hdf5RecorderTest, FileThatExistsIsNotOverwritten) {
  std::ofstream{path_} << "precious";
  const auto recorder = open_hdf5_recorder(path_, identity_of(0), {});
  ASSERT_FALSE(recorder);
  EXPECT_EQ(recorder.error().code, ErrorCode::kCannotCreate);
  EXPECT_THAT(recorder.error().message, HasSubstr(path_));
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

}  // namespace
}  // namespace radixbench

#include "replay/record_sink.h"

#include "layout/sites.h"

#include <gmock/gmock.h>

#include <vector>

namespace radixbench {
namespace {

class KeptRows final : public Recorder {
 public:
  void sample(Producer producer, Phase phase, const SampleRow& row) override {
    producers.push_back(producer);
    phases.push_back(phase);
    samples.push_back(row);
  }
  void step(const StepRow& row) override { steps.push_back(row); }
  void request(const RequestRow& row) override { requests.push_back(row); }
  void prefetch(const PrefetchRow& row) override { prefetches.push_back(row); }
  void group(const GroupRow& row) override { groups.push_back(row); }
  Result<void> between_steps() override { return {}; }
  void save(Deadline) override {}
  [[nodiscard]] std::uint64_t dropped_count() const override { return 0; }
  Result<void> close(RankStatus, const std::vector<CounterRow>&) override { return {}; }

  std::vector<Producer> producers;
  std::vector<Phase> phases;
  std::vector<SampleRow> samples;
  std::vector<StepRow> steps;
  std::vector<RequestRow> requests;
  std::vector<PrefetchRow> prefetches;
  std::vector<GroupRow> groups;
};

class DeafStatus final : public RankStatusSink {
 public:
  void reached(RankPhase) override {}
  void entered(const CallRecord&) override { ++entered_count; }
  void stepped(std::uint64_t, std::int64_t, std::uint64_t) override {}
  void violated(const std::string&) override {}
  void failed(const Error&) override {}
  void ended_by_library(const std::string&) override {}
  [[nodiscard]] bool is_asked_to_end() const override { return false; }

  int entered_count = 0;
};

class RecordSinkTest : public testing::Test {
 protected:
  CallRecord call(Site site, const GroupSpec& group) const {
    CallRecord record;
    record.group = &group;
    record.call.site = static_cast<std::uint16_t>(site);
    record.is_ok = true;
    return record;
  }

  KeptRows rows_;
  DeafStatus status_;
  RingMemory memory_ = RingMemory::create_anonymous({.record_count = 16}).value();
  RingRecorder ring_{memory_};
  RecordSink sink_{rows_, status_, ring_};
  const GroupSpec pair_{"attn_cp", {1, 5}, 4};
  const GroupSpec alone_{"attn_cp", {1}, 5};
};

TEST_F(RecordSinkTest, CallsGoToTheirPhaseOnTheirThread) {
  sink_.step_began(9, 0);
  PrefetchOp op;
  op.started_step = 6;
  sink_.before_hit_count(op);
  sink_.scheduler_calls().left(call(Site::kWritingCheck, pair_));
  sink_.scheduler_calls().left(call(Site::kDrainStorageControlQueues, pair_));
  sink_.scheduler_calls().left(call(Site::kForward, pair_));
  sink_.prefetch_calls().left(call(Site::kPrefetchHitCount, pair_));
  EXPECT_THAT(
      rows_.phases,
      testing::ElementsAre(Phase::kConsensus, Phase::kDrain, Phase::kNeighbour, Phase::kPrefetch));
  EXPECT_THAT(
      rows_.producers,
      testing::ElementsAre(
          Producer::kScheduler, Producer::kScheduler, Producer::kScheduler, Producer::kPrefetch));
  EXPECT_EQ(rows_.samples[0].step, 9U);
  EXPECT_EQ(rows_.samples[3].step, 6U);  // the step that asked for it, whenever it is answered
  EXPECT_EQ(rows_.samples[0].group_id, 4U);
}

TEST_F(RecordSinkTest, ALoneRanksCallIsNoSampleAndAFailedOneIsMarked) {
  sink_.scheduler_calls().left(call(Site::kWritingCheck, alone_));
  EXPECT_TRUE(rows_.samples.empty());
  CallRecord failed = call(Site::kWritingCheck, pair_);
  failed.is_ok = false;
  sink_.scheduler_calls().left(failed);
  EXPECT_EQ(rows_.samples.at(0).flags, 1U);
}

TEST_F(RecordSinkTest, RequestsWhosePartsDoNotAddUpAreCounted) {
  RequestReport report{.input = 100, .device = 10, .host = 20, .storage = 30, .computed = 40};
  sink_.request_ended(report);
  EXPECT_EQ(sink_.totals().identities_broken, 0U);
  ++report.computed;
  sink_.request_ended(report);
  EXPECT_EQ(sink_.totals().identities_broken, 1U);
  // Nothing is claimed of a request that was never served.
  report.outcome = RequestOutcome::kAborted;
  sink_.request_ended(report);
  EXPECT_EQ(sink_.totals().identities_broken, 1U);
  EXPECT_EQ(sink_.totals().requests_served, 2U);
  EXPECT_EQ(sink_.totals().requests_aborted, 1U);
}

TEST_F(RecordSinkTest, PrefetchesWhoseFatesDoNotAddUpAreCounted) {
  PrefetchReport report{.requested = 28,
                        .not_in_storage = 1,
                        .below_threshold = 2,
                        .cut = 3,
                        .existing = 4,
                        .aborted = 5,
                        .no_room = 6,
                        .inserted = 7};
  sink_.prefetch_ended(report, 7);
  EXPECT_EQ(sink_.totals().identities_broken, 0U);
  sink_.prefetch_ended(report, 8);  // more was used than was inserted
  EXPECT_EQ(sink_.totals().identities_broken, 1U);
  ++report.requested;
  sink_.prefetch_ended(report, 7);
  EXPECT_EQ(sink_.totals().identities_broken, 2U);
}

TEST_F(RecordSinkTest, StepsAreCountedByKind) {
  for (const IterationKind kind :
       {IterationKind::kDecode, IterationKind::kIdle, IterationKind::kDecode}) {
    StepReport report;
    report.kind = kind;
    sink_.step_ended(report);
  }
  EXPECT_EQ(sink_.totals().steps_decode, 2U);
  EXPECT_EQ(sink_.totals().steps_idle, 1U);
  EXPECT_EQ(sink_.totals().steps_prefill, 0U);
  EXPECT_EQ(rows_.steps.at(0).kind, StepKind::kDecode);
}

TEST_F(RecordSinkTest, GroupsAreDescribedAsTheRankSeesThem) {
  const std::vector<const GroupSpec*> specs = {&pair_};
  sink_.describe(specs, 5);
  EXPECT_EQ(rows_.groups.at(0).group_id, 4U);
  EXPECT_EQ(rows_.groups.at(0).my_index, 1U);
  EXPECT_EQ(rows_.groups.at(0).name, "attn_cp");
}

}  // namespace
}  // namespace radixbench

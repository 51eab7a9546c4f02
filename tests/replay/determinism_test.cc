// Runs with the virtual clock leave the same rows whatever the machine is busy with.

#include "replay/replay_fixture.h"

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

// Threads that keep every core busy while they live.
class CpuLoad {
 public:
  CpuLoad() {
    for (unsigned i = 0; i < std::thread::hardware_concurrency() + 1; ++i) {
      threads_.emplace_back([this] {
        while (!is_over_.load(std::memory_order_relaxed)) spin_count_.fetch_add(1);
      });
    }
  }
  ~CpuLoad() { is_over_ = true; }
  CpuLoad(const CpuLoad&) = delete;
  CpuLoad& operator=(const CpuLoad&) = delete;

 private:
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> spin_count_{0};
  std::vector<std::jthread> threads_;  // last: they use the others
};

// RADIXBENCH_DETERMINISM_RUNS=20 for the full claim.
int run_count() {
  const char* text = std::getenv("RADIXBENCH_DETERMINISM_RUNS");
  if (text == nullptr) return kIsSanitized ? 2 : 3;
  return std::max(2, std::atoi(text));
}

void expect_equal_samples(const SampleColumns& one, const SampleColumns& other) {
  EXPECT_EQ(one.step, other.step);
  EXPECT_EQ(one.request_id, other.request_id);
  EXPECT_EQ(one.op_seq, other.op_seq);
  EXPECT_EQ(one.values, other.values);
  EXPECT_EQ(one.group_id, other.group_id);
  EXPECT_EQ(one.site, other.site);
  EXPECT_EQ(one.flags, other.flags);
}

void expect_equal_steps(const RankData& one, const RankData& other) {
  const auto key = [](const StepRow& row) {
    return std::tuple{row.step,
                      row.now_ns,
                      row.digest,
                      row.agreements,
                      row.wire_ops,
                      row.examined,
                      row.answered,
                      row.running,
                      row.waiting,
                      row.kind};
  };
  ASSERT_EQ(one.steps.size(), other.steps.size());
  for (std::size_t i = 0; i < one.steps.size(); ++i) {
    ASSERT_EQ(key(one.steps[i]), key(other.steps[i])) << "step " << i;
  }
}

auto key_of(const RequestRow& row) {
  return std::tuple{row.request_id,
                    row.arrival_ns,
                    row.admitted_ns,
                    row.finished_ns,
                    row.admitted_step,
                    row.input,
                    row.device,
                    row.host,
                    row.storage,
                    row.computed,
                    row.last_token,
                    row.below_page,
                    row.load_back_refused,
                    row.prefetch_cut,
                    row.output,
                    row.is_aborted};
}

auto key_of(const PrefetchRow& row) {
  return std::tuple{row.request_id,
                    row.started_step,
                    row.applied_step,
                    row.started_ns,
                    row.last_page_ns,
                    row.applied_ns,
                    row.own_completed,
                    row.requested,
                    row.not_in_storage,
                    row.below_threshold,
                    row.cut,
                    row.existing,
                    row.aborted,
                    row.no_room,
                    row.inserted,
                    row.used};
}

auto key_of(const CounterRow& row) { return std::tuple{row.name, row.value, row.unit}; }

template <typename Row>
void expect_equal_rows(const std::vector<Row>& one, const std::vector<Row>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    ASSERT_EQ(key_of(one[i]), key_of(other[i])) << "row " << i;
  }
}

void expect_equal_but_for_times(const ReplayRun& one, const ReplayRun& other) {
  ASSERT_EQ(one.ranks.size(), other.ranks.size());
  for (Rank rank = 0; rank < one.ranks.size(); ++rank) {
    SCOPED_TRACE("rank " + std::to_string(rank));
    const RankData& left = one.ranks[rank];
    const RankData& right = other.ranks[rank];
    expect_equal_steps(left, right);
    expect_equal_rows(left.requests, right.requests);
    expect_equal_rows(left.prefetches, right.prefetches);
    expect_equal_rows(left.counters, right.counters);
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      SCOPED_TRACE("phase " + std::to_string(phase));
      expect_equal_samples(left.samples[phase], right.samples[phase]);
    }
  }
}

class DeterminismTest : public ReplayTest {
 protected:
  void expect_equal_runs(const ReplayOptions& chosen) {
    const ReplayRun first = run(chosen);
    expect_clean(first);
    const CpuLoad load;
    for (int i = 1; i < run_count(); ++i) {
      SCOPED_TRACE("run " + std::to_string(i));
      expect_equal_but_for_times(first, run(chosen));
    }
  }
};

TEST_F(DeterminismTest, ChurnUnderAllSkewsIsRecordedAlike) {
  ReplayOptions chosen = options("tp4cp2");
  chosen.deadline = std::chrono::seconds{60};
  skew(chosen, "storage:cp=1,+3ms");
  skew(chosen, "load-ack:rank=2,+15ms");
  skew(chosen, "write-ack:rank=5,+15ms");
  skew(chosen, "clock:rank=3,+5ms");
  expect_equal_runs(chosen);
}

TEST_F(DeterminismTest, ChurnOnTwoReplicasIsRecordedAlike) {
  ReplayOptions chosen = options("sglang:tp=8,cp=2,dp=2");
  chosen.deadline = std::chrono::seconds{60};
  chosen.engine.dispatch = Dispatch::kShortestQueue;
  skew(chosen, "storage:cp=1,+3ms");
  expect_equal_runs(chosen);
}

TEST_F(DeterminismTest, TheSampleIsRecordedAlike) {
  ReplayOptions chosen = options("tp4cp2");
  chosen.deadline = std::chrono::seconds{60};
  chosen.trace_path = RADIXBENCH_SOURCE_DIR "/traces/sample_400.jsonl";
  chosen.trace.limit = kIsSanitized ? 3 : 6;
  chosen.device_tokens = 12'288;
  chosen.host_tokens = 16'384;
  expect_equal_runs(chosen);
}

TEST_F(DeterminismTest, AnotherSeedIsAnotherRun) {
  ReplayOptions chosen = options("tp1");
  const ReplayRun one = run(chosen);
  chosen.engine.seed += 1;
  const ReplayRun other = run(chosen);
  const auto ended = [](const ReplayRun& run) { return run.ranks[0].steps.back().now_ns; };
  EXPECT_NE(ended(one), ended(other));
}

}  // namespace
}  // namespace radixbench

#pragma once

#include "comm/observed_communicator.h"
#include "control/prefetch_op.h"
#include "engine/reports.h"
#include "record/recorder.h"
#include "replay/rank_status.h"
#include "watch/ring_recorder.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

namespace radixbench {

// As the contracts of sites name them.
constexpr std::string_view kSchedulerThread = "scheduler";
constexpr std::string_view kPrefetchThread = "prefetch";

// Turns what one rank's engine and communicators say into rows, and passes it on to the ring.
// Samples are of groups of more than one rank; a group's id is its creation ordinal, which is the
// same on all ranks.
class RecordSink final : public EngineSink {
 public:
  // `ring` hears of every call first, and of the steps.
  RecordSink(Recorder& recorder, RankStatusSink& status, RingRecorder& ring);

  void describe(std::span<const GroupSpec* const> groups, Rank rank);
  [[nodiscard]] CallObserver& scheduler_calls() { return scheduler_calls_; }
  [[nodiscard]] CallObserver& prefetch_calls() { return prefetch_calls_; }
  // On the prefetch thread, before it agrees on a hit count.
  void before_hit_count(const PrefetchOp& op) { prefetch_calls_.step = op.started_step; }

  void step_began(std::uint64_t step, std::int64_t now_ns) override;
  void step_ended(const StepReport& report) override;
  void request_ended(const RequestReport& report) override;
  void prefetch_ended(const PrefetchReport& report, std::uint32_t used) override;
  Result<void> between_steps() override;

  // Later than this is more than a busy machine's scheduling.
  static constexpr std::int64_t kLateNs = 5'000'000;
  struct Totals {
    std::uint64_t requests_served = 0, requests_aborted = 0, requests_rejected = 0;
    std::uint64_t steps_idle = 0, steps_prefill = 0, steps_decode = 0;
    std::uint64_t input = 0, device = 0, host = 0, storage = 0, computed = 0, output = 0;
    std::uint64_t steps_late = 0, late_ns_max = 0;  // wall clock: by more than kLateNs
    std::uint64_t identities_broken = 0;  // requests or prefetches whose parts don't add up
  };
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  // Each belongs to the thread whose calls it hears.
  class Calls final : public CallObserver {
   public:
    Calls(Recorder& to, RankStatusSink& status, CallObserver& thread, Producer from)
        : recorder{to}, rank_status{status}, ring{thread}, producer{from} {}
    void entered(const CallRecord& record) override;
    void left(const CallRecord& record) override;

    Recorder& recorder;
    RankStatusSink& rank_status;
    CallObserver& ring;
    Producer producer;
    std::uint64_t step = 0;
  };

  void count(const RequestReport& report);

  Recorder& recorder_;
  RankStatusSink& status_;
  RingRecorder& ring_;
  Calls scheduler_calls_;
  Calls prefetch_calls_;
  Totals totals_;
};

}  // namespace radixbench

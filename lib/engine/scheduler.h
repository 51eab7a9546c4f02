#pragma once

#include "base/result.h"
#include "control/cache_controller.h"
#include "engine/admission.h"
#include "engine/arrivals.h"
#include "engine/live_request.h"
#include "engine/neighbours.h"
#include "engine/options.h"
#include "engine/reports.h"
#include "engine/request_cache.h"
#include "tier/page_pool.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {

struct SchedulerParts {
  const Trace& trace;
  CacheController& cache;
  Agreement& agreement;
  Neighbours& neighbours;
  PagePool& slots;
  const RequestMaker& maker;
  EngineSink& sink;
};

// One rank's scheduler loop (SGLang 6.1): every iteration receives, checks the cache's events, asks
// about prefetches, admits, runs a modelled batch and caches what it computed.
class Scheduler {
 public:
  Scheduler(const EngineOptions& options,
            const Rules& rules,
            std::uint32_t replica,
            std::uint32_t replica_count,
            SchedulerParts parts);

  // Until all requests ended and nothing is in flight, or acks that never come were waited for long
  // enough. Fails with what ended a collective, background work or the sink.
  Result<void> run();
  [[nodiscard]] std::uint64_t step_count() const { return step_; }
  // Why the cache is not as it must be after a run; empty if it is.
  [[nodiscard]] std::vector<std::string> violations() const;

 private:
  struct Iteration {
    IterationKind kind = IterationKind::kIdle;
    std::vector<PrefillChunk> chunks;
    std::int64_t cost_ns = 0;
  };

  Result<bool> step();
  [[nodiscard]] Inbox compose();
  void accept(const std::vector<RequestId>& arrived);
  Result<void> abort(const std::vector<RequestId>& requests);
  void settle_reports();
  Result<Iteration> plan();
  [[nodiscard]] std::int64_t prefill_cost_ns(const std::vector<PrefillChunk>& chunks);
  Result<void> run_forward(const Iteration& iteration);
  void finish_prefill(std::vector<PrefillChunk>& chunks);
  void finish_decode();
  void end_served(std::unique_ptr<LiveRequest> request);
  void note_stop() const;
  [[nodiscard]] bool is_drained() const;
  [[nodiscard]] bool is_done();
  [[nodiscard]] std::int64_t next_now_ns(const Iteration& iteration) const;
  void report(const Iteration& iteration,
              std::uint64_t digest,
              const SiteCounts& before,
              std::int64_t blocked_before_ns);

  EngineOptions options_;
  SchedulerParts parts_;
  std::uint32_t replica_;
  std::uint32_t replica_count_;
  Arrivals arrivals_;
  AbortPlan aborts_;
  RequestCache requests_;
  Admission admission_;
  std::vector<std::unique_ptr<LiveRequest>> decoding_;
  std::vector<std::uint32_t> queue_lengths_;
  std::uint64_t step_ = 0;
  std::int64_t now_ns_ = 0;
  std::int64_t stage_now_ns_ = 0;
  std::int64_t planned_now_ns_ = 0;  // when this step was to begin
  std::int64_t late_ns_ = 0;
  std::int64_t start_wall_ns_ = 0;
  std::int64_t quiet_since_ns_ = 0;
  std::uint64_t last_in_flight_ = 0;
  bool is_stopping_ = false;
};

}  // namespace radixbench

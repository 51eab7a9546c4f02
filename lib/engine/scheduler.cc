#include "engine/scheduler.h"

#include "base/check.h"
#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace radixbench {

Scheduler::Scheduler(const EngineOptions& options,
                     const Rules& rules,
                     std::uint32_t replica,
                     std::uint32_t replica_count,
                     SchedulerParts parts)
    : options_{options},
      parts_{parts},
      replica_{replica},
      replica_count_{replica_count},
      arrivals_{parts.trace, options, replica_count},
      aborts_{options.abort_rate, options.seed},
      requests_{parts.cache, options.page_tokens, options.output_blocks},
      admission_{options, rules, parts.cache, requests_, parts.slots},
      queue_lengths_(replica_count) {}

Result<void> Scheduler::run() {
  start_wall_ns_ = monotonic_ns();
  for (;;) {
    const Result<bool> goes_on = step();
    if (!goes_on) return tl::unexpected(goes_on.error());
    if (!*goes_on) return {};
  }
}

Result<bool> Scheduler::step() {
  const SiteCounts before = parts_.agreement.total();
  const std::int64_t blocked_before_ns = parts_.agreement.blocked_ns();
  const Inbox own = compose();
  parts_.sink.step_began(step_, own.now_ns);
  const Result<Inbox> inbox = parts_.neighbours.receive(own);
  if (!inbox) return tl::unexpected(inbox.error());
  if (inbox->is_stop) {
    is_stopping_ = true;
    note_stop();
    return false;
  }
  now_ns_ = inbox->now_ns;
  if (Result<void> done = parts_.cache.begin_step(step_, now_ns_); !done) {
    return tl::unexpected(done.error());
  }
  accept(arrivals_.dispatch(inbox->arrived_count, replica_, queue_lengths_));
  if (Result<void> done = abort(inbox->aborts); !done) return tl::unexpected(done.error());
  if (Result<void> done = parts_.cache.check_hicache_events(); !done) {
    return tl::unexpected(done.error());
  }
  settle_reports();
  Result<Iteration> iteration = plan();
  if (!iteration) return tl::unexpected(iteration.error());
  // Before the forward pass: a rank that skipped a call gets here, and its peers do not, so that a
  // hang is not mistaken for a difference of what they agreed on.
  const std::uint64_t digest = parts_.cache.digest();
  if (Result<void> done = run_forward(*iteration); !done) return tl::unexpected(done.error());
  if (iteration->kind == IterationKind::kPrefill) finish_prefill(iteration->chunks);
  if (iteration->kind == IterationKind::kDecode) finish_decode();
  report(*iteration, digest, before, blocked_before_ns);
  note_stop();
  ++step_;
  if (Result<void> done = parts_.sink.between_steps(); !done) return tl::unexpected(done.error());
  return !is_stopping_;
}

// What the entry rank will say; on the others, and on the entry itself, the answer comes back.
Inbox Scheduler::compose() {
  const bool is_wall = options_.clock == ClockMode::kWall;
  Inbox inbox{.now_ns = is_wall ? monotonic_ns() - start_wall_ns_ : stage_now_ns_,
              .arrived_count = 0,
              .is_stop = replica_count_ == 1 && is_done(),
              .aborts = {}};
  // With several replicas all must dispatch alike, so all look at the stage's clock.
  inbox.arrived_count = arrivals_.count_by(replica_count_ > 1 ? stage_now_ns_ : inbox.now_ns);
  if (!parts_.neighbours.is_entry()) return inbox;
  for (const RequestId request : aborts_.due(inbox.now_ns, kAbortsPerStepMax)) {
    if (admission_.is_waiting(request) && parts_.cache.prefetch()->is_running(request)) {
      inbox.aborts.push_back(request);
    }
  }
  return inbox;
}

void Scheduler::accept(const std::vector<RequestId>& arrived) {
  for (const RequestId id : arrived) {
    auto request = std::make_unique<LiveRequest>(parts_.maker.make(parts_.trace.requests[id]));
    request->report.arrival_ns = arrivals_.arrival_ns(id);
    if (!admission_.can_ever_fit(*request)) {
      request->report.outcome = RequestOutcome::kRejected;
      parts_.sink.request_ended(request->report);
      continue;
    }
    if (PrefetchControl* prefetch = parts_.cache.prefetch()) {
      prefetch->start(id, request->key(request->input, options_.page_tokens));
      if (options_.abort_rate > 0 && prefetch->is_running(id)) {
        aborts_.consider(id, now_ns_, prefetch->earliest_end_ns(id));
      }
    }
    admission_.enqueue(std::move(request));
  }
}

Result<void> Scheduler::abort(const std::vector<RequestId>& requests) {
  for (const RequestId id : requests) {
    std::unique_ptr<LiveRequest> request = admission_.withdraw(id);
    if (!request) continue;
    if (Result<void> done = parts_.cache.prefetch()->release_aborted(id); !done) return done;
    request->report.outcome = RequestOutcome::kAborted;
    request->report.finished_ns = now_ns_;
    parts_.sink.request_ended(request->report);
  }
  return {};
}

// Reports of prefetches that brought nothing are complete; the others wait for what the request
// makes of them.
void Scheduler::settle_reports() {
  if (parts_.cache.prefetch() == nullptr) return;
  for (const PrefetchReport& report : parts_.cache.prefetch()->take_reports()) {
    if (report.inserted == 0) parts_.sink.prefetch_ended(report, 0);
    admission_.note(report);
  }
}

Result<Scheduler::Iteration> Scheduler::plan() {
  Iteration iteration;
  Result<std::vector<PrefillChunk>> chunks = admission_.next_batch();
  if (!chunks) return tl::unexpected(chunks.error());
  settle_reports();
  iteration.chunks = std::move(*chunks);
  const std::optional<std::int64_t> loaded_ns = parts_.cache.load_back().start_queued();
  if (!iteration.chunks.empty()) {
    iteration.kind = IterationKind::kPrefill;
    iteration.cost_ns = prefill_cost_ns(iteration.chunks);
    // Layers are computed as they come: the pass can't end before the last is loaded.
    if (loaded_ns) iteration.cost_ns = std::max(iteration.cost_ns, *loaded_ns - now_ns_);
  } else if (!decoding_.empty()) {
    iteration.kind = IterationKind::kDecode;
    iteration.cost_ns =
        options_.cost.decode_base_ns +
        options_.cost.decode_sequence_ns * static_cast<std::int64_t>(decoding_.size());
    if (Result<void> done = parts_.cache.flush_write_through_acks(); !done) {
      return tl::unexpected(done.error());
    }
    for (const auto& request : decoding_) {
      // A request without room for one more position sits this step out.
      request->is_stalled = !requests_.grow(*request, 1);
    }
  }
  return iteration;
}

std::int64_t Scheduler::prefill_cost_ns(const std::vector<PrefillChunk>& chunks) {
  std::int64_t tokens = 0;
  for (const PrefillChunk& chunk : chunks) tokens += chunk.token_count;
  return options_.cost.prefill_base_ns + options_.cost.prefill_token_ns * tokens;
}

Result<void> Scheduler::run_forward(const Iteration& iteration) {
  const bool is_busy = iteration.kind != IterationKind::kIdle;
  std::int64_t next_ns = next_now_ns(iteration);
  late_ns_ =
      options_.clock == ClockMode::kWall ? std::max<std::int64_t>(0, now_ns_ - planned_now_ns_) : 0;
  planned_now_ns_ = next_ns;
  if (options_.clock == ClockMode::kWall) {
    const std::int64_t wait_ns =
        is_busy ? iteration.cost_ns : std::min(options_.cost.idle_ns, next_ns - now_ns_);
    std::this_thread::sleep_for(std::chrono::nanoseconds{std::max<std::int64_t>(0, wait_ns)});
    next_ns = monotonic_ns() - start_wall_ns_;
  }
  const auto queue_length =
      static_cast<std::uint32_t>(admission_.waiting_count() + admission_.running_count());
  const Result<StageView> view =
      parts_.neighbours.forward(next_ns, is_busy, is_done(), queue_length);
  if (!view) return tl::unexpected(view.error());
  stage_now_ns_ = view->next_now_ns;
  queue_lengths_ = view->queue_lengths;
  if (replica_count_ > 1) is_stopping_ = view->is_everyone_done;
  return {};
}

std::int64_t Scheduler::next_now_ns(const Iteration& iteration) const {
  if (iteration.kind != IterationKind::kIdle) return now_ns_ + iteration.cost_ns;
  const bool is_waiting_for_something =
      !parts_.cache.is_idle() || admission_.waiting_count() > 0 || arrivals_.is_over();
  // Nothing is left to be late for once the last request has ended.
  const std::int64_t idle_ns = options_.cost.idle_ns * (is_drained() ? 10 : 1);
  if (is_waiting_for_something) return now_ns_ + idle_ns;
  return std::max(now_ns_ + 1, arrivals_.next_ns());
}

void Scheduler::finish_prefill(std::vector<PrefillChunk>& chunks) {
  for (PrefillChunk& chunk : chunks) {
    LiveRequest& request = *chunk.request;
    if (request.report.admitted_step == step_ && request.has_prefetch &&
        request.prefetch.inserted > 0) {
      parts_.sink.prefetch_ended(request.prefetch, request.report.storage);
    }
    requests_.computed(request, chunk.token_count);
    const bool is_whole = request.kv_tokens == request.input;
    if (is_whole && request.output <= 1) {
      end_served(std::move(chunk.request));
      continue;
    }
    requests_.keep_unfinished(request, !is_whole);
    if (!is_whole) {
      admission_.go_on(std::move(chunk.request));
      continue;
    }
    request.generated = 1;
    decoding_.push_back(std::move(chunk.request));
  }
}

void Scheduler::finish_decode() {
  for (auto& request : decoding_) {
    if (request->is_stalled) continue;
    requests_.computed(*request, 1);
    ++request->generated;
    if (request->generated >= request->output) end_served(std::move(request));
  }
  std::erase(decoding_, nullptr);
}

void Scheduler::end_served(std::unique_ptr<LiveRequest> request) {
  requests_.keep_finished(*request);
  admission_.leave(*request);
  request->report.finished_ns = stage_now_ns_;
  parts_.sink.request_ended(request->report);
}

void Scheduler::note_stop() const {
  parts_.cache.context().note(
      Guard::kStopRun, Site::kRecvRequests, 0, is_stopping_, {admission_.waiting_count()});
}

bool Scheduler::is_drained() const {
  return arrivals_.is_over() && admission_.waiting_count() == 0 && admission_.running_count() == 0;
}

bool Scheduler::is_done() {
  if (!is_drained()) return false;
  if (parts_.cache.is_idle()) return true;
  // Acks that some rank will never have are not waited for longer than it takes to be sure.
  const std::uint64_t in_flight = parts_.cache.in_flight_digest();
  if (in_flight != last_in_flight_) quiet_since_ns_ = now_ns_;
  last_in_flight_ = in_flight;
  return now_ns_ - quiet_since_ns_ > options_.quiet_max_ns;
}

void Scheduler::report(const Iteration& iteration,
                       std::uint64_t digest,
                       const SiteCounts& before,
                       std::int64_t blocked_before_ns) {
  const SiteCounts after = parts_.agreement.total();
  const PrefetchControl* prefetch = parts_.cache.prefetch();
  parts_.sink.step_ended(
      {.step = step_,
       .now_ns = now_ns_,
       .digest = digest,
       .blocked_ns = parts_.agreement.blocked_ns() - blocked_before_ns,
       .agreements = static_cast<std::uint32_t>(after.agreements - before.agreements),
       .wire_ops = static_cast<std::uint32_t>(after.wire_ops - before.wire_ops),
       .examined = prefetch == nullptr ? 0 : prefetch->examined_count(),
       .answered = prefetch == nullptr ? 0 : prefetch->answered_count(),
       .running = static_cast<std::uint32_t>(admission_.running_count()),
       .waiting = static_cast<std::uint32_t>(admission_.waiting_count()),
       .kind = iteration.kind,
       .late_ns = late_ns_});
}

std::vector<std::string> Scheduler::violations() const {
  std::vector<std::string> found = parts_.cache.violations();
  if (!parts_.cache.is_idle()) {
    found.emplace_back("work in flight was never acknowledged on all ranks");
  }
  return found;
}

}  // namespace radixbench

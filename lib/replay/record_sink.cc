#include "replay/record_sink.h"

#include "layout/sites.h"

#include <algorithm>

namespace radixbench {
namespace {

Phase phase_of(Site site) {
  if (site == Site::kDrainStorageControlQueues) return Phase::kDrain;
  if (site == Site::kPrefetchHitCount) return Phase::kPrefetch;
  return contract_of(site).is_control ? Phase::kConsensus : Phase::kNeighbour;
}

constexpr std::uint16_t kFailedFlag = 1;

}  // namespace

RecordSink::RecordSink(Recorder& recorder, RankStatusSink& status, RingRecorder& ring)
    : recorder_{recorder},
      status_{status},
      ring_{ring},
      scheduler_calls_{recorder, status, ring.thread(kSchedulerThread), Producer::kScheduler},
      prefetch_calls_{recorder, status, ring.thread(kPrefetchThread), Producer::kPrefetch} {}

void RecordSink::describe(std::span<const GroupSpec* const> groups, Rank rank) {
  for (const GroupSpec* group : groups) {
    const auto mine = std::ranges::find(group->members, rank);
    recorder_.group({.group_id = static_cast<std::uint16_t>(group->ordinal),
                     .name = group->name,
                     .members = group->members,
                     .my_index = static_cast<std::uint32_t>(mine - group->members.begin())});
  }
}

void RecordSink::Calls::entered(const CallRecord& record) {
  ring.entered(record);
  if (record.group->members.size() > 1) rank_status.entered(record);
}

void RecordSink::Calls::left(const CallRecord& record) {
  ring.left(record);
  if (record.group->members.size() < 2) return;
  const SampleRow row{.t_enter_wall_ns = record.enter_ns,
                      .t_exit_wall_ns = record.exit_ns,
                      .step = step,
                      .request_id = record.call.key,
                      .op_seq = record.sequence,
                      .values = {record.results[0], record.results[1], record.results[2]},
                      .group_id = static_cast<std::uint16_t>(record.group->ordinal),
                      .site = record.call.site,
                      .flags = record.is_ok ? std::uint16_t{0} : kFailedFlag};
  recorder.sample(producer, phase_of(static_cast<Site>(record.call.site)), row);
}

void RecordSink::step_began(std::uint64_t step, std::int64_t now_ns) {
  scheduler_calls_.step = step;
  ring_.stepped(step);
  status_.stepped(
      step, now_ns, totals_.requests_served + totals_.requests_aborted + totals_.requests_rejected);
}

void RecordSink::step_ended(const StepReport& report) {
  recorder_.step({.step = report.step,
                  .now_ns = report.now_ns,
                  .digest = report.digest,
                  .blocked_ns = report.blocked_ns,
                  .agreements = report.agreements,
                  .wire_ops = report.wire_ops,
                  .examined = report.examined,
                  .answered = report.answered,
                  .running = report.running,
                  .waiting = report.waiting,
                  .kind = static_cast<StepKind>(report.kind)});
  if (report.late_ns > kLateNs) ++totals_.steps_late;
  totals_.late_ns_max = std::max(totals_.late_ns_max, static_cast<std::uint64_t>(report.late_ns));
  switch (report.kind) {
    case IterationKind::kIdle: ++totals_.steps_idle; break;
    case IterationKind::kPrefill: ++totals_.steps_prefill; break;
    case IterationKind::kDecode: ++totals_.steps_decode; break;
  }
}

void RecordSink::request_ended(const RequestReport& report) {
  count(report);
  recorder_.request({.request_id = report.request,
                     .arrival_ns = report.arrival_ns,
                     .admitted_ns = report.admitted_ns,
                     .finished_ns = report.finished_ns,
                     .admitted_step = report.admitted_step,
                     .input = report.input,
                     .device = report.device,
                     .host = report.host,
                     .storage = report.storage,
                     .computed = report.computed,
                     .last_token = report.last_token,
                     .below_page = report.below_page,
                     .load_back_refused = report.load_back_refused,
                     .prefetch_cut = report.prefetch_cut,
                     .output = report.output,
                     .is_aborted = static_cast<std::uint8_t>(report.outcome)});
}

void RecordSink::count(const RequestReport& report) {
  if (report.outcome == RequestOutcome::kAborted) ++totals_.requests_aborted;
  if (report.outcome == RequestOutcome::kRejected) ++totals_.requests_rejected;
  if (report.outcome != RequestOutcome::kServed) return;
  ++totals_.requests_served;
  totals_.input += report.input;
  totals_.device += report.device;
  totals_.host += report.host;
  totals_.storage += report.storage;
  totals_.computed += report.computed;
  totals_.output += report.output;
  const std::uint64_t sum =
      std::uint64_t{report.device} + report.host + report.storage + report.computed;
  if (sum != report.input) ++totals_.identities_broken;
}

void RecordSink::prefetch_ended(const PrefetchReport& report, std::uint32_t used) {
  const std::uint64_t fates = std::uint64_t{report.not_in_storage} + report.below_threshold +
                              report.cut + report.existing + report.aborted + report.no_room +
                              report.inserted;
  if (fates != report.requested || used > report.inserted) ++totals_.identities_broken;
  recorder_.prefetch({.request_id = report.request,
                      .started_step = report.started_step,
                      .applied_step = report.applied_step,
                      .started_ns = report.started_ns,
                      .last_page_ns = report.last_page_ns,
                      .applied_ns = report.applied_ns,
                      .own_completed = report.own_completed,
                      .requested = report.requested,
                      .not_in_storage = report.not_in_storage,
                      .below_threshold = report.below_threshold,
                      .cut = report.cut,
                      .existing = report.existing,
                      .aborted = report.aborted,
                      .no_room = report.no_room,
                      .inserted = report.inserted,
                      .used = used});
}

Result<void> RecordSink::between_steps() {
  if (status_.is_asked_to_end()) return fail(ErrorCode::kInterrupted, "interrupted between steps");
  return recorder_.between_steps();
}

}  // namespace radixbench

#include "replay/rank_run.h"

#include "base/random.h"
#include "comm/checked_communicator.h"
#include "control/cache_controller.h"
#include "engine/rank_groups.h"
#include "engine/scheduler.h"
#include "index/page_hash.h"
#include "inject/failing_host_allocator.h"
#include "inject/fault_spec.h"
#include "inject/miscounting_pool.h"
#include "inject/slow_fabric.h"
#include "layout/sites.h"
#include "replay/rank_storage.h"
#include "replay/rank_tiers.h"
#include "replay/record_sink.h"
#include "tier/page_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace radixbench {
namespace {

// From this page size on the tree keeps hashes, which requests must then bring.
constexpr std::uint32_t kHashedPageTokens = 16;

std::vector<FaultSpec> faults_of(const ReplayPlan& plan, Rank rank) {
  std::vector<FaultSpec> faults;
  for (const std::string& text : plan.options.faults) {
    const Result<FaultSpec> spec = parse_fault(text);
    if (spec && spec->rank == rank) faults.push_back(*spec);
  }
  return faults;
}

// Making communicators of a GPU, and first its contexts, takes seconds that say nothing of a fault,
// and so does starting MPI on a busy machine.
std::chrono::nanoseconds opening_wait(const ReplayOptions& options) {
  constexpr std::chrono::nanoseconds kNcclMin = std::chrono::seconds{120};
  constexpr std::chrono::nanoseconds kMpiMin = std::chrono::seconds{20};
  switch (options.transport) {
    case Transport::kNccl: return std::max(options.deadline, kNcclMin);
    case Transport::kMpi: return std::max(options.deadline, kMpiMin);
    case Transport::kThreads:
    case Transport::kShm:
    case Transport::kGloo: break;
  }
  return options.deadline;
}

std::unique_ptr<PagePool> make_slots(const ReplayPlan& plan, const std::vector<FaultSpec>& faults) {
  std::unique_ptr<PagePool> slots = make_memory_pool(plan.options.engine.running_max, 0);
  for (const FaultSpec& fault : faults) {
    if (fault.kind == FaultSpec::Kind::kMiscountSlots) {
      slots = make_miscounting_pool(std::move(slots), fault.nth);
    }
  }
  return slots;
}

// Null where no fault makes calls slower.
std::unique_ptr<Fabric> slowed(Fabric& fabric, const std::vector<FaultSpec>& faults) {
  std::int64_t delay_ns = 0;
  for (const FaultSpec& fault : faults) {
    if (fault.kind == FaultSpec::Kind::kSlowCalls) delay_ns += fault.delay_ns;
  }
  if (delay_ns == 0) return nullptr;
  return make_slow_fabric(fabric, std::chrono::nanoseconds{delay_ns});
}

// Null where requests need no hashes.
std::unique_ptr<PageHasher> make_hasher(const EngineOptions& options) {
  if (options.page_tokens < kHashedPageTokens) return nullptr;
  return std::make_unique<PageHasher>(options.seed, options.page_tokens);
}

auto host_allocator_wrapper(const std::vector<FaultSpec>& faults) {
  return [faults](std::unique_ptr<HostAllocator> inner) {
    for (const FaultSpec& fault : faults) {
      if (fault.kind == FaultSpec::Kind::kFailBackup) {
        inner = make_failing_host_allocator(std::move(inner), HostUse::kBackup, fault.nth);
      } else if (fault.kind == FaultSpec::Kind::kFailPrefetchAlloc) {
        inner = make_failing_host_allocator(std::move(inner), HostUse::kPrefetch, fault.nth);
      }
    }
    return inner;
  };
}

CacheOptions cache_options(const ReplayPlan& plan,
                           Rank rank,
                           const std::vector<FaultSpec>& faults) {
  const ReplayOptions& options = plan.options;
  return {.rank = rank,
          .replica = plan.layout.replica(rank),
          .page_tokens = options.engine.page_tokens,
          .hash_seed = options.engine.seed,
          .backup_threshold = options.backup_threshold,
          .policy = options.policy,
          .rules = options.rules,
          // A background thread that is stuck in a call must be able to say so first.
          .timing = {.mode = options.engine.clock, .wait_max = options.deadline * 5 / 4},
          .call_deadline = options.deadline,
          .wrap_host_allocator = host_allocator_wrapper(faults)};
}

void append_site_counts(const Agreement& agreement,
                        const SiteCounts& hit_counts,
                        std::vector<CounterRow>& counters) {
  for (const SiteContract& contract : site_contracts()) {
    if (!contract.is_control) continue;
    const SiteCounts& counts =
        contract.site == Site::kPrefetchHitCount ? hit_counts : agreement.counts(contract.site);
    const std::string name{contract.name};
    counters.push_back({"agreements." + name, counts.agreements, "1"});
    counters.push_back({"wire_ops." + name, counts.wire_ops, "1"});
  }
}

void append_cache_counts(const ControlCounts& counts, std::vector<CounterRow>& counters) {
  counters.insert(counters.end(),
                  {{"backups", counts.backups, "1"},
                   {"backups.refused", counts.backups_refused, "1"},
                   {"backups.pages", counts.pages_backed_up, "pages"},
                   {"storage.pages_stored", counts.pages_stored, "pages"},
                   {"load_backs", counts.load_backs, "1"},
                   {"load_backs.refused", counts.load_backs_refused, "1"},
                   {"load_backs.pages", counts.pages_loaded_back, "pages"},
                   {"bytes.pages_verified", counts.pages_verified, "pages"},
                   {"bytes.pages_wrong", counts.pages_wrong, "pages"},
                   {"prefetches", counts.prefetches, "1"},
                   {"prefetches.too_short", counts.prefetches_too_short, "1"},
                   {"prefetches.rate_limited", counts.prefetches_rate_limited, "1"},
                   {"prefetches.without_room", counts.prefetches_without_room, "1"},
                   {"prefetches.without_anchor", counts.prefetches_without_anchor, "1"},
                   {"prefetches.revoked", counts.prefetches_revoked, "1"},
                   {"prefetches.answered", counts.prefetches_answered, "1"},
                   {"prefetches.aborted", counts.prefetches_aborted, "1"},
                   {"prefetches.pages", counts.pages_prefetched, "pages"},
                   {"device.pages_evicted", counts.pages_evicted_device, "pages"},
                   {"host.pages_released", counts.pages_released, "pages"}});
}

void append_totals(const RecordSink::Totals& totals, std::vector<CounterRow>& counters) {
  counters.insert(counters.end(),
                  {{"requests.served", totals.requests_served, "1"},
                   {"requests.aborted", totals.requests_aborted, "1"},
                   {"requests.rejected", totals.requests_rejected, "1"},
                   {"steps.idle", totals.steps_idle, "1"},
                   {"steps.prefill", totals.steps_prefill, "1"},
                   {"steps.decode", totals.steps_decode, "1"},
                   {"tokens.input", totals.input, "tokens"},
                   {"tokens.device", totals.device, "tokens"},
                   {"tokens.host", totals.host, "tokens"},
                   {"tokens.storage", totals.storage, "tokens"},
                   {"tokens.computed", totals.computed, "tokens"},
                   {"tokens.output", totals.output, "tokens"},
                   {"clock.steps_late", totals.steps_late, "1"},
                   {"clock.late_max", totals.late_ns_max, "ns"},
                   {"identities.broken", totals.identities_broken, "1"}});
}

// Says what does not hold at the end of a run; how many of the scheduler's claims that is.
std::uint64_t report_violations(const Scheduler& scheduler,
                                const RecordSink::Totals& totals,
                                RankStatusSink& status) {
  if (totals.identities_broken > 0) {
    status.violated(fmt::format("{} requests or prefetches whose parts do not add up",
                                totals.identities_broken));
  }
  const std::vector<std::string> violations = scheduler.violations();
  for (const std::string& violation : violations) status.violated(violation);
  return violations.size();
}

// The run, over a fabric with all that options put round it.
RankResult run_over(const ReplayPlan& plan,
                    Fabric& fabric,
                    Recorder& recorder,
                    RankStatusSink& status,
                    RingRecorder& ring) {
  const ReplayOptions& options = plan.options;
  const Rank rank = fabric.rank();
  const auto failed = [](Error error) {
    return RankResult{.ended = tl::unexpected(std::move(error)), .counters = {}};
  };
  const std::vector<FaultSpec> faults = faults_of(plan, rank);
  RecordSink sink{recorder, status, ring};
  RingThread& scheduler_ring = ring.thread(kSchedulerThread);

  status.reached(RankPhase::kOpeningGroups);
  Result<RankGroups> groups = RankGroups::open(plan.layout,
                                               fabric,
                                               sink.scheduler_calls(),
                                               sink.prefetch_calls(),
                                               deadline_after(opening_wait(options)),
                                               {&scheduler_ring, options.deadline, options.reduce});
  if (!groups) return failed(groups.error());
  sink.describe(groups->specs(), rank);
  Result<std::unique_ptr<Storage>> storage = open_rank_storage(plan, rank);
  if (!storage) return failed(storage.error());

  const Result<RankTiers> tiers = RankTiers::open(plan, rank);
  if (!tiers) return failed(tiers.error());
  const std::unique_ptr<PagePool> slots = make_slots(plan, faults);
  const LatencyModel latency{plan.latency, options.engine.seed, plan.skews};
  Agreement agreement{options.agreement, groups->cache(plan.layout), options.deadline};
  CacheController cache{
      cache_options(plan, rank, faults),
      {.device = tiers->device(),
       .host = tiers->host(),
       .copier = tiers->copier(),
       .storage = storage->get(),
       .agreement = agreement,
       .prefetch_hops = groups->prefetch_hops(),
       .before_hit_count = [&](const PrefetchOp& op) { sink.before_hit_count(op); },
       .prefetch_thread_ended =
           [&ring](bool is_failure) { ring.thread(kPrefetchThread).ended(is_failure); },
       .decisions = &scheduler_ring},
      latency};
  Neighbours neighbours{
      plan.layout, rank, *groups, options.deadline, options.engine.has_neighbours};
  const std::unique_ptr<PageHasher> hasher = make_hasher(options.engine);
  const RequestMaker maker{.trace = plan.trace,
                           .first_outputs = plan.first_outputs,
                           .hasher = hasher.get(),
                           .has_storage = *storage != nullptr,
                           .output_blocks = options.engine.output_blocks,
                           .page_tokens = options.engine.page_tokens,
                           .rank_salt = draw(options.engine.seed, "payload", rank, 0)};
  Scheduler scheduler{options.engine,
                      options.rules,
                      plan.layout.coordinates(rank).attn_dp_rank,
                      plan.layout.attn_dp_size(),
                      {.trace = plan.trace,
                       .cache = cache,
                       .agreement = agreement,
                       .neighbours = neighbours,
                       .slots = *slots,
                       .maker = maker,
                       .sink = sink}};
  status.reached(RankPhase::kRunning);
  RankResult result{.ended = scheduler.run(), .counters = {}};
  append_site_counts(agreement, cache.hit_count_calls(), result.counters);
  append_cache_counts(cache.context().counts, result.counters);
  append_totals(sink.totals(), result.counters);
  std::uint64_t violation_count = sink.totals().identities_broken;
  if (result.ended) violation_count += report_violations(scheduler, sink.totals(), status);
  result.counters.push_back({"violations", violation_count, "1"});
  return result;
}

}  // namespace

RankResult run_rank(const ReplayPlan& plan,
                    Fabric& fabric,
                    Recorder& recorder,
                    RankStatusSink& status,
                    RingRecorder& ring) {
  const std::unique_ptr<Fabric> slow = slowed(fabric, faults_of(plan, fabric.rank()));
  Fabric& transport = slow ? *slow : fabric;
  const std::unique_ptr<Fabric> checked =
      plan.options.is_checking_calls ? check_calls(transport, name_of_site) : nullptr;
  return run_over(plan, checked ? *checked : transport, recorder, status, ring);
}

}  // namespace radixbench

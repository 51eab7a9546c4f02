#include "replay/replay.h"

#include "inject/fault_spec.h"
#include "layout/sites.h"
#include "replay/killing_status.h"
#include "replay/last_words.h"
#include "replay/process_world.h"
#include "replay/rank_processes.h"
#include "replay/recorded_rank.h"
#include "replay/run_master.h"
#include "replay/run_rings.h"
#include "replay/run_watch.h"
#include "replay/thread_ranks.h"
#include "stats/join.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// After the first failure: time for the others to say what they saw and to close their files.
constexpr auto kGrace = 4s;

// A rank's process, from its fork to its exit code; the code says no more than whether it failed.
int run_process(const ReplayPlan& plan,
                const RunRings& rings,
                World& world,
                Rank rank,
                RankStatusSink& status) {
  std::unique_ptr<RankStatusSink> killing;
  RankStatusSink* sink = &status;
  for (const std::string& text : plan.options.faults) {
    const Result<FaultSpec> fault = parse_fault(text);
    if (!fault || fault->rank != rank || fault->kind != FaultSpec::Kind::kKill) continue;
    killing = make_killing_status(status, *fault);
    sink = killing.get();
  }
  LastWords last_words{*sink};
  const std::unique_ptr<Fabric> fabric = world.attach(rank, name_of_site);
  const Result<void> ended = run_recorded_rank(plan, *fabric, *sink, rings.ring(rank), &last_words);
  if (!ended) status.failed(ended.error());
  return ended ? 0 : 1;
}

ReplayProgress progress_of(const RankProgress& progress_of_rank, const ReplayPlan& plan) {
  ReplayProgress progress{
      .requests_ended = 0, .requests = plan.trace.requests.size(), .now_ns = 0, .step = 0};
  for (Rank rank = 0; rank < plan.layout.world_size(); ++rank) {
    if (plan.layout.replica(rank).front() != rank) continue;
    const RankStatusPage::Progress own = progress_of_rank(rank);
    progress.requests_ended += own.requests_ended;
    progress.now_ns = std::max(progress.now_ns, own.now_ns);
    progress.step = std::max(progress.step, own.step);
  }
  return progress;
}

Result<MadeWorld> make_world(const ReplayPlan& plan, const ReplayLaunch& launch) {
  if (launch.make_world) return launch.make_world();
  return make_process_world(plan.options.transport,
                            plan.layout.world_size(),
                            {plan.options.gloo, plan.options.nccl})
      .map([](std::unique_ptr<World> world) {
        return MadeWorld{.world = std::move(world), .meeting = std::nullopt};
      });
}

Result<std::unique_ptr<RankProcesses>> start_ranks(const ReplayPlan& plan,
                                                   const RunRings& rings,
                                                   World& world,
                                                   const ReplayLaunch& launch) {
  const auto body = [&](Rank rank, RankStatusSink& status) {
    if (launch.rank_started) launch.rank_started(rank);
    return run_process(plan, rings, world, rank, status);
  };
  const Rank world_size = plan.layout.world_size();
  if (launch.here.empty()) return RankProcesses::start(world_size, world, body);
  return RankProcesses::start(world_size, launch.here, world, body);
}

Result<RanksEnd> run_processes(const ReplayPlan& plan,
                               const RunRings& rings,
                               RunWatch& watch,
                               const ReplayCallbacks& callbacks,
                               const ReplayLaunch& launch) {
  const Result<MadeWorld> made = make_world(plan, launch);
  if (!made) return tl::unexpected(made.error());
  if (launch.leading != nullptr) {
    const HostStart start{
        .run_id = plan.run_id, .trace_sha256 = plan.trace.sha256, .meeting = made->meeting};
    if (auto begun = launch.leading->begin(plan, start); !begun) {
      return tl::unexpected(begun.error());
    }
  }
  Result<std::unique_ptr<RankProcesses>> ranks = start_ranks(plan, rings, *made->world, launch);
  if (!ranks) return tl::unexpected(ranks.error());
  return (*ranks)->wait(kGrace,
                        {.ticked =
                             [&] {
                               watch.tick();
                               if (launch.ticked) launch.ticked(**ranks);
                               if (!callbacks.progressed) return;
                               callbacks.progressed(progress_of(
                                   [&](Rank rank) { return (*ranks)->progress(rank); }, plan));
                             },
                         .ended =
                             [&](const RankReport& report) {
                               rings.ended(report);
                               watch.ended(report);
                             },
                         .asked =
                             [&] {
                               if (callbacks.asked) callbacks.asked(watch.look_now());
                             },
                         .interrupted = [&] { watch.interrupted(); },
                         .others = launch.leading,
                         .stop_max = plan.options.deadline});
}

RanksEnd run_threads(const ReplayPlan& plan,
                     const RunRings& rings,
                     RunWatch& watch,
                     const ReplayCallbacks& callbacks) {
  return run_thread_ranks(plan,
                          rings,
                          {.ticked =
                               [&](const RankProgress& progress) {
                                 watch.tick();
                                 if (!callbacks.progressed) return;
                                 callbacks.progressed(progress_of(progress, plan));
                               },
                           .asked =
                               [&] {
                                 if (callbacks.asked) callbacks.asked(watch.look_now());
                               },
                           .interrupted = [&] { watch.interrupted(); }});
}

}  // namespace

Result<ReplayResult> replay(const ReplayPlan& plan,
                            const ReplayCallbacks& callbacks,
                            const ReplayLaunch& launch) {
  Result<RunRings> rings = RunRings::create(plan, launch.here);
  if (!rings) return tl::unexpected(rings.error());
  if (launch.leading != nullptr) {
    rings->add([leading = launch.leading] { return leading->recordings(); });
  }
  RunWatch watch{plan, *rings, callbacks.found};
  RanksEnd end;
  if (plan.options.transport == Transport::kThreads) {
    end = run_threads(plan, *rings, watch, callbacks);
  } else {
    Result<RanksEnd> processes = run_processes(plan, *rings, watch, callbacks, launch);
    if (!processes) return tl::unexpected(processes.error());
    end = std::move(*processes);
  }
  ReplayResult result;
  result.reports = std::move(end.reports);
  result.recordings = rings->recordings();
  result.diagnosis = watch.finish(result.recordings, end.interrupted_by.has_value());
  std::vector<std::string> notes = rings->finish();
  if (launch.leading != nullptr) {
    for (std::string& note : launch.leading->collect(plan)) notes.push_back(std::move(note));
  }
  std::vector<std::string> files;
  files.reserve(plan.layout.world_size());
  for (Rank rank = 0; rank < plan.layout.world_size(); ++rank) {
    files.push_back(rank_file(plan, rank));
  }
  result.data = read_run(files);
  const std::vector<RankView> views = rank_views(result.data, plan.layout);
  const std::vector<SiteInfo> sites = site_infos();
  result.divergences = find_divergences(views, sites);
  const std::vector<std::vector<JoinedColumns>> joined = join_samples(views);
  result.summary = summarise(views, joined, sites);
  result.outcome = judge(result.reports,
                         result.data,
                         {result.divergences, sites},
                         result.diagnosis,
                         end.interrupted_by);
  for (std::string& note : notes) result.outcome.messages.push_back(std::move(note));
  RankIdentity identity = identity_of(plan, 0);
  identity.provenance.emplace_back("run_end", to_string(result.outcome.end));
  if (Result<void> written = write_run_master(
          plan.options.output_directory, std::move(identity), result.data, joined, result.summary);
      !written) {
    result.outcome.messages.push_back(written.error().message);
    if (result.outcome.end == RunEnd::kFine) {
      result.outcome.end = RunEnd::kFailed;
      result.outcome.code = written.error().code;
    }
  }
  return result;
}

Result<int> replay_along(const ReplayPlan& plan, FollowingHost& host, const ReplayLaunch& launch) {
  Result<RunRings> rings = RunRings::create(plan, launch.here);
  if (!rings) return tl::unexpected(rings.error());
  host.show(*rings);
  const Result<MadeWorld> made = make_world(plan, launch);
  if (!made) return tl::unexpected(made.error());
  Result<std::unique_ptr<RankProcesses>> ranks = start_ranks(plan, *rings, *made->world, launch);
  if (!ranks) return tl::unexpected(ranks.error());
  (*ranks)->wait(kGrace,
                 {.ticked =
                      [&] {
                        if (launch.ticked) launch.ticked(**ranks);
                      },
                  .ended = [&](const RankReport& report) { rings->ended(report); },
                  .asked = {},
                  .interrupted = {},
                  .others = &host,
                  .stop_max = plan.options.deadline});
  rings->finish();
  return host.serve(&plan);
}

}  // namespace radixbench

#include "launched_replay.h"

#include "exit_codes.h"

#include "comm/mpi_world.h"
#include "replay/following_host.h"
#include "replay/host_meeting.h"
#include "replay/launched_job.h"
#include "replay/leading_host.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// From the first launched process of a host to the last: launchers start them one by one.
constexpr auto kGatherWait = 60s;

// From a host's coming until the run begins: the last host comes, the trace is read.
constexpr auto kStartWait = 300s;

// Options that each process has of its own, and each host.
constexpr std::array<std::string_view, 2> kOwnOptions{"rank", "local-rank"};
constexpr std::array<std::string_view, 4> kHostOptions{
    "--output", "--local-size", "--bind", "--secret-file"};

// A launched process, as find_launch() and the command line tell of it.
struct Launched {
  LaunchContext context;
  LaunchFlags flags;
  EnvironmentMap environment;
  ReplayOptions options;

  [[nodiscard]] Rank ranks_here() const { return context.local_size.value_or(context.world_size); }
  [[nodiscard]] bool has_other_hosts() const { return ranks_here() < context.world_size; }
  [[nodiscard]] Result<HostMeeting> meeting() const {
    return find_host_meeting(options.gloo.bind, flags, environment);
  }
};

LaunchedMember member_of(const LaunchContext& context,
                         const ReplayOptions& options,
                         const EnvironmentMap& environment) {
  LaunchedMember member;
  member.rank = context.rank;
  member.world_size = context.world_size;
  member.process_id = getpid();
  member.fields.emplace_back("version", RADIXBENCH_VERSION);
  for (const auto& [name, value] : options.as_text) {
    if (std::ranges::find(kOwnOptions, name) == kOwnOptions.end()) {
      member.fields.emplace_back("--" + name, value);
    }
  }
  for (const auto& [name, value] : environment) {
    if (MpiJob::is_of_mpi(name)) member.variables.emplace_back(name, value);
  }
  return member;
}

// Whether what was started can be this replay.
Result<void> check(const LaunchContext& context, const ReplayOptions& options) {
  Result<Layout> layout = make_layout(options.layout);
  if (!layout) return tl::unexpected(layout.error());
  if (layout->world_size() != context.world_size) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("{} started {} ranks, and {} has {}; --launcher none spawns them here",
                            to_string(context.launcher),
                            context.world_size,
                            layout->spec(),
                            layout->world_size()));
  }
  if (options.transport == Transport::kThreads) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("{} started {} processes, and threads are ranks of one: choose another "
                            "--transport, or --launcher none",
                            to_string(context.launcher),
                            context.world_size));
  }
  return {};
}

// Whether it can be one over several hosts.
Result<void> check_hosts(const Launched& launched) {
  if (!launched.has_other_hosts()) return {};
  const Transport transport = launched.options.transport;
  const std::string where = fmt::format(
      "{} of {} ranks are on this host", launched.ranks_here(), launched.context.world_size);
  if (transport == Transport::kShm) {
    return fail(ErrorCode::kConfiguration,
                where + ", and shm is of one host: choose --transport gloo or mpi");
  }
  if (transport == Transport::kNccl) {
    return fail(ErrorCode::kUnsupported,
                where + ": --transport nccl over several hosts is not there yet");
  }
  if (transport == Transport::kMpi && launched.context.launcher != Launcher::kOpenMpi) {
    return fail(ErrorCode::kUnsupported,
                where + ": over several hosts --transport mpi needs Open MPI's mpirun as launcher");
  }
  return {};
}

// A secret that was given must be one, also where nobody is asked for it.
Result<void> check_meeting(const Launched& launched) {
  if (launched.has_other_hosts()) return launched.meeting().map([](const HostMeeting&) {});
  return find_run_secret(launched.flags, launched.environment).map([](const auto&) {});
}

// The places in MPI that the launcher gave to the ranks; none where it is no Open MPI.
MpiPlaces mpi_places(const LaunchedJob& job) {
  MpiPlaces places;
  for (const LaunchedMember& member : job.members()) {
    const bool has_place = std::ranges::any_of(member.variables, [](const auto& variable) {
      return variable.first == "OMPI_COMM_WORLD_RANK";
    });
    if (has_place) places.emplace(member.rank, member.variables);
  }
  if (places.size() != job.members().size()) places.clear();
  return places;
}

ReplayLaunch launch_of(LaunchedJob& job, const Launched& launched) {
  ReplayLaunch launch;
  launch.rank_started = [&job](Rank rank) { job.take_place(rank); };
  launch.ticked = [&job](const RankProcesses& ranks) { job.supervise(ranks); };
  if (launched.has_other_hosts()) {
    for (const LaunchedMember& member : job.members()) launch.here.push_back(member.rank);
  }
  if (launched.options.transport != Transport::kMpi) return launch;
  if (auto places = mpi_places(job); !places.empty()) {
    const Rank world_size = launched.context.world_size;
    launch.make_world = [world_size, places = std::move(places)]() -> Result<MadeWorld> {
      auto world = MpiWorld::adopt(world_size, places);
      if (!world) return tl::unexpected(world.error());
      return MadeWorld{.world = *std::move(world), .meeting = std::nullopt};
    };
  }
  return launch;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.data();
}

HostCard card_of(const LaunchedJob& job, const Launched& launched) {
  HostCard card{
      .name = host_name(), .world_size = launched.context.world_size, .ranks = {}, .fields = {}};
  for (const LaunchedMember& member : job.members()) card.ranks.push_back(member.rank);
  for (const auto& [name, value] : job.members().front().fields) {
    const bool is_of_host = std::ranges::find(kHostOptions, name) != kHostOptions.end();
    if (!is_of_host) card.fields.emplace_back(name, value);
  }
  return card;
}

// The host of rank 0: supervises the whole run.
int lead_hosts(LaunchedJob& job,
               const Launched& launched,
               const HostMeeting& meeting,
               const SuperviseReplay& supervise) {
  const auto leading = LeadingHost::listen(meeting);
  if (!leading) return report_error(leading.error());
  const HostCard own = card_of(job, launched);
  if (auto come = (*leading)->gather(own, deadline_after(kGatherWait)); !come) {
    const int code = report_error(come.error());
    (*leading)->finish(code);
    return code;
  }
  ReplayLaunch launch = launch_of(job, launched);
  launch.leading = leading->get();
  if (launched.options.transport == Transport::kGloo) {
    GlooOptions gloo = launched.options.gloo;
    gloo.bind = {.host = meeting.bind, .port = 0};
    launch.make_world = [gloo, meeting, size = own.world_size] {
      return host_gloo_world(size, gloo, meeting.address.host, meeting.secret)
          .map([](SharedGlooWorld shared) {
            return MadeWorld{.world = std::move(shared.world), .meeting = shared.rendezvous};
          });
    };
  }
  const int code = supervise(launched.options, launch);
  (*leading)->finish(code);
  return code;
}

// The same trace has the same digest; which path it has is the hosts' own.
Result<ReplayPlan> plan_along(ReplayOptions options, const HostStart& start) {
  options.run_id = start.run_id;
  Result<ReplayPlan> plan = make_plan(std::move(options));
  if (plan && plan->trace.sha256 != start.trace_sha256) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{} is another trace than rank 0's: SHA-256 {} here, {} there",
                            plan->trace.path,
                            plan->trace.sha256,
                            start.trace_sha256));
  }
  return plan;
}

Result<int> run_along(LaunchedJob& job,
                      const Launched& launched,
                      const HostMeeting& meeting,
                      FollowingHost& host,
                      const HostStart& start) {
  const Result<ReplayPlan> plan = plan_along(launched.options, start);
  if (!plan) return tl::unexpected(plan.error());
  ReplayLaunch launch = launch_of(job, launched);
  if (start.meeting) {
    launch.make_world = [&]() -> Result<MadeWorld> {
      return visit_gloo_world(launched.context.world_size,
                              *start.meeting,
                              meeting.secret,
                              launched.options.gloo.checks_groups)
          .map([](std::unique_ptr<World> world) {
            return MadeWorld{.world = std::move(world), .meeting = std::nullopt};
          });
    };
  }
  return replay_along(*plan, host, launch);
}

// Another host: its ranks run as the host of rank 0 says.
int follow_host(LaunchedJob& job, const Launched& launched, const HostMeeting& meeting) {
  const auto host =
      FollowingHost::join(meeting, card_of(job, launched), deadline_after(kGatherWait));
  if (!host) return report_error(host.error());
  const auto order = (*host)->await_start(deadline_after(kStartWait));
  if (!order) return report_error(order.error());
  if (order->exit_code) return *order->exit_code;
  const Result<int> code = run_along(job, launched, meeting, **host, order->start);
  if (code) return *code;
  (*host)->refuse(code.error());
  const int own_code = report_error(code.error());
  return (*host)->serve(nullptr).value_or(own_code);
}

// The first process of a host, once it knows how the others of it came.
int run_first(LaunchedJob& job,
              const Launched& launched,
              const Result<void>& gathered,
              const SuperviseReplay& supervise) {
  if (!launched.has_other_hosts()) {
    return gathered ? supervise(launched.options, launch_of(job, launched))
                    : report_error(gathered.error());
  }
  const Result<HostMeeting> meeting = launched.meeting();
  if (!meeting) return report_error(meeting.error());
  const bool leads = launched.context.rank == 0;
  if (gathered && leads) return lead_hosts(job, launched, *meeting, supervise);
  if (gathered) return follow_host(job, launched, *meeting);
  const int code = report_error(gathered.error());
  if (!leads) {
    FollowingHost::decline(*meeting, gathered.error(), deadline_after(kGatherWait));
  } else if (const auto leading = LeadingHost::listen(*meeting)) {
    (*leading)->finish(code);
  }
  return code;
}

}  // namespace

int run_launched(ReplayOptions options,
                 const LaunchFlags& flags,
                 const SuperviseReplay& supervise) {
  const EnvironmentMap environment = environment_map(environ);
  const Result<LaunchContext> context = find_launch(flags, environment);
  if (!context) return report_error(context.error());
  options.build.emplace_back("launcher", to_string(context->launcher));
  if (!context->note.empty()) fmt::print(stderr, "radixbench: {}\n", context->note);
  const Launched launched{.context = *context,
                          .flags = flags,
                          .environment = environment,
                          .options = std::move(options)};
  const Result<void> can_meet = check_meeting(launched);
  if (context->launcher == Launcher::kNone) {
    return can_meet ? supervise(launched.options, {}) : report_error(can_meet.error());
  }
  const bool is_first = context->local_rank.value_or(context->rank) == 0;
  if (context->rank == 0) fmt::print(stderr, "{}\n", describe(*context));
  // All find the same, and one says it.
  Result<void> fine = check(*context, launched.options);
  if (fine) fine = check_hosts(launched);
  if (!fine) {
    return context->rank == 0 ? report_error(fine.error()) : exit_code_of(fine.error().code);
  }
  // Secret and files are each host's own.
  if (!can_meet) {
    return is_first ? report_error(can_meet.error()) : exit_code_of(can_meet.error().code);
  }
  const std::string name = LaunchedJob::meeting_name(*context, environment);
  LaunchedMember own = member_of(*context, launched.options, environment);
  if (!is_first) {
    const Result<int> code = LaunchedJob::follow(name, own, deadline_after(kGatherWait));
    return code ? *code : report_error(code.error());
  }
  const auto job = LaunchedJob::lead(name, std::move(own));
  if (!job) return report_error(job.error());
  const Result<void> gathered = (*job)->gather(launched.ranks_here(), deadline_after(kGatherWait));
  const int code = run_first(**job, launched, gathered, supervise);
  (*job)->finish(code);
  return code;
}

}  // namespace radixbench

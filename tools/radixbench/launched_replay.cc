#include "launched_replay.h"

#include "exit_codes.h"

#include "comm/mpi_world.h"
#include "replay/launched_job.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// From the first launched process of a host to the last: launchers start them one by one.
constexpr auto kGatherWait = 60s;

// Options that each process has of its own.
constexpr std::array<std::string_view, 2> kOwnOptions{"rank", "local-rank"};

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
  const Rank here = context.local_size.value_or(context.world_size);
  if (here != context.world_size) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} of {} ranks are on this host: replays over several hosts are not "
                            "there yet",
                            here,
                            context.world_size));
  }
  return {};
}

// The places in MPI that the launcher gave to the ranks; none where it is no Open MPI.
std::vector<MpiJob::Variables> mpi_places(const LaunchedJob& job) {
  std::vector<MpiJob::Variables> places;
  for (const LaunchedMember& member : job.members()) {
    const bool has_place = std::ranges::any_of(member.variables, [](const auto& variable) {
      return variable.first == "OMPI_COMM_WORLD_RANK";
    });
    if (has_place) places.push_back(member.variables);
  }
  if (places.size() != job.members().size()) places.clear();
  return places;
}

ReplayLaunch launch_of(LaunchedJob& job, Transport transport) {
  ReplayLaunch launch{
      .make_world = {},
      .rank_started = [&job](Rank rank) { job.take_place(rank); },
      .ticked = [&job](const RankProcesses& ranks) { job.supervise(ranks); },
  };
  if (transport != Transport::kMpi) return launch;
  if (auto places = mpi_places(job); !places.empty()) {
    launch.make_world = [places = std::move(places)]() -> Result<std::unique_ptr<World>> {
      auto world = MpiWorld::adopt(places);
      if (!world) return tl::unexpected(world.error());
      return std::unique_ptr<World>{*std::move(world)};
    };
  }
  return launch;
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
  if (context->launcher == Launcher::kNone) return supervise(std::move(options), {});
  const bool is_first = context->local_rank.value_or(context->rank) == 0;
  if (context->rank == 0) fmt::print(stderr, "{}\n", describe(*context));
  // All find the same, and one says it.
  if (auto fine = check(*context, options); !fine) {
    return context->rank == 0 ? report_error(fine.error()) : exit_code_of(fine.error().code);
  }
  const std::string name = LaunchedJob::meeting_name(*context, environment);
  LaunchedMember own = member_of(*context, options, environment);
  if (!is_first) {
    const Result<int> code = LaunchedJob::follow(name, own, deadline_after(kGatherWait));
    return code ? *code : report_error(code.error());
  }
  const auto job = LaunchedJob::lead(name, std::move(own));
  if (!job) return report_error(job.error());
  const Result<void> gathered = (*job)->gather(context->world_size, deadline_after(kGatherWait));
  const ReplayLaunch launch = launch_of(**job, options.transport);
  const int code =
      gathered ? supervise(std::move(options), launch) : report_error(gathered.error());
  (*job)->finish(code);
  return code;
}

}  // namespace radixbench

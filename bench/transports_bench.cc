// What agreeing costs over a transport: a line a call, as rank 0 sees it. Ranks are forked
// processes that make the calls back to back; with a core for every rank each has one of its own.
//
// usage: transports_bench TRANSPORT LAYOUT [--share-gpu] [--seconds S]

#include "base/check.h"
#include "base/clock.h"
#include "base/cores.h"
#include "comm/gloo_world.h"
#include "comm/mpi_world.h"
#include "comm/nccl_support.h"
#include "comm/nccl_world.h"
#include "comm/shm_fabric.h"
#include "control/agreement.h"
#include "layout/layout.h"

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 120s;
constexpr std::int64_t kWarmUpCalls = 20;
constexpr std::int64_t kCallsMax = 20'000;

struct Arguments {
  std::string transport;
  std::string layout;
  bool shares_gpu = false;
  double seconds = 0.5;  // a line
};

Call call_now() { return {.site = 0, .key = 0, .deadline = deadline_after(kPatience)}; }

template <typename T>
T value_or_die(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "transports_bench: {}\n", result.error().message);
    _exit(69);
  }
  return *std::move(result);
}
void must(const Result<void>& result) {
  if (result) return;
  fmt::print(stderr, "transports_bench: {}\n", result.error().message);
  _exit(1);
}

// The groups of one rank: over each axis, over all ranks, and one for the bench's own words.
struct Groups {
  std::vector<std::unique_ptr<Communicator>> axes;
  std::unique_ptr<Communicator> grid;
  std::unique_ptr<Communicator> words;
};

Groups open_groups(Fabric& fabric, const Layout& layout) {
  Groups groups;
  std::uint32_t ordinal = 0;
  const auto open = [&](std::string name, const RankList& members) {
    const GroupSpec spec{.name = std::move(name), .members = members, .ordinal = ordinal++};
    const bool is_member = std::ranges::find(members, fabric.rank()) != members.end();
    if (!is_member) return std::unique_ptr<Communicator>{};
    return value_or_die(fabric.open(spec, deadline_after(kPatience)));
  };
  const RankList everyone = layout.replica(0);
  groups.words = open("words", everyone);
  groups.grid = open("grid", everyone);
  for (const char* kind : {"attn_cp", "attention_tp"}) {
    for (const RankList& members : layout.groups(kind)) {
      if (members.size() == 1 || members.size() == everyone.size()) continue;
      if (auto group = open(kind, members)) groups.axes.push_back(std::move(group));
    }
  }
  return groups;
}

struct Line {
  std::string groups;  // axes or grid
  std::string call;
  std::function<void()> make;
};

template <typename Element>
void reduce(std::span<Communicator* const> hops, std::size_t count) {
  std::array<Element, kElementsMax> values;
  values.fill(static_cast<Element>(hops.front()->group().members[hops.front()->index()] + 5));
  const Call call = call_now();
  for (Communicator* hop : hops) {
    must(hop->all_reduce(std::span{values}.first(count), ReduceOp::kMin, call));
  }
  // Rank 0 is in every first group or brings its 5 to it by way of the other axis.
  RADIXBENCH_CHECK(values[count - 1] == 5);
}

std::vector<Line> lines_of(const std::string& name, std::vector<Communicator*> hops) {
  std::vector<Line> lines;
  const auto add = [&](std::string call, auto make) {
    lines.push_back({name, std::move(call), [hops, make] { make(hops); }});
  };
  add("agreement int32[2]", [](auto& over) { reduce<std::int32_t>(over, 2); });
  add("agreement int32[64]", [](auto& over) { reduce<std::int32_t>(over, 64); });
  add("agreement int64[2]", [](auto& over) { reduce<std::int64_t>(over, 2); });
  add("agreement int64[64]", [](auto& over) { reduce<std::int64_t>(over, 64); });
  // What the drain of a step asks: lengths of three queues, the shortest of each.
  add("drain int32[3]", [](auto& over) { reduce<std::int32_t>(over, 3); });
  add("barrier", [](auto& over) {
    for (Communicator* hop : over) must(hop->barrier(call_now()));
  });
  return lines;
}

// As many calls as rank 0 says; its own times in ns.
std::vector<std::int64_t> make_calls(Groups& groups, const Line& line, std::int64_t count) {
  std::array<std::int64_t, 1> agreed{count};
  must(groups.words->broadcast(agreed, 0, call_now()));
  std::vector<std::int64_t> times_ns(static_cast<std::size_t>(agreed[0]));
  for (std::int64_t& time_ns : times_ns) {
    const std::int64_t start_ns = monotonic_ns();
    line.make();
    time_ns = monotonic_ns() - start_ns;
  }
  return times_ns;
}

void print_line(const Arguments& arguments, const Line& line, std::vector<std::int64_t> times_ns) {
  std::ranges::sort(times_ns);
  const auto at = [&](std::size_t percent) {
    return static_cast<double>(times_ns[(times_ns.size() - 1) * percent / 100]) * 1e-3;
  };
  fmt::print("{:<8} {:<8} {:<5} {:<20} {:>12.2f} {:>12.2f} {:>7}{}\n",
             arguments.transport,
             arguments.layout,
             line.groups,
             line.call,
             at(50),
             at(99),
             times_ns.size(),
             arguments.shares_gpu ? "  shared GPU" : "");
  std::fflush(stdout);
}

void pin_if_there_is_room(Rank rank, Rank world_size) {
  const auto core_count = static_cast<Rank>(sysconf(_SC_NPROCESSORS_ONLN));
  if (world_size <= core_count) RADIXBENCH_CHECK(pin_to_core(rank).has_value());
}

void run_rank(const Arguments& arguments, const Layout& layout, World& world, Rank rank) {
  const std::unique_ptr<Fabric> fabric = world.attach(rank, nullptr);
  // Helper threads that a transport starts by now stay free to run elsewhere.
  Groups groups = open_groups(*fabric, layout);
  pin_if_there_is_room(rank, layout.world_size());
  std::vector<Line> lines = lines_of("grid", {groups.grid.get()});
  if (!groups.axes.empty()) {
    std::vector<Communicator*> axes;
    for (const auto& axis : groups.axes) axes.push_back(axis.get());
    std::ranges::move(lines_of("axes", axes), std::back_inserter(lines));
  }
  for (const Line& line : lines) {
    std::vector<std::int64_t> warm = make_calls(groups, line, kWarmUpCalls);
    std::ranges::sort(warm);
    const double typical_ns = static_cast<double>(std::max<std::int64_t>(1, warm[warm.size() / 2]));
    const auto fitting = static_cast<std::int64_t>(arguments.seconds * 1e9 / typical_ns);
    std::vector<std::int64_t> times_ns =
        make_calls(groups, line, std::clamp(fitting, kWarmUpCalls, kCallsMax));
    if (rank == 0) print_line(arguments, line, std::move(times_ns));
  }
  must(groups.words->barrier(call_now()));
}

std::unique_ptr<World> make_world(const Arguments& arguments, Rank world_size) {
  if (arguments.transport == "shm") return value_or_die(ShmWorld::create(world_size));
  if (arguments.transport == "gloo") return value_or_die(make_gloo_world(world_size, {}));
  if (arguments.transport == "mpi") return value_or_die(MpiWorld::create(world_size));
  if (arguments.transport != "nccl") {
    fmt::print(
        stderr, "transports_bench: '{}' is none of shm, gloo, mpi, nccl\n", arguments.transport);
    _exit(64);
  }
  const GpuSupport support = probe_gpu_support();
  const GpuInventory inventory = value_or_die(support.gpus);
  static_cast<void>(value_or_die(support.nccl));
  NcclOptions options;
  options.shares_gpu = arguments.shares_gpu;
  options.gpu_count = static_cast<std::uint32_t>(inventory.gpus.size());
  if (world_size > options.gpu_count && !options.shares_gpu) {
    fmt::print(stderr, "transports_bench: {} GPUs for {} ranks\n", options.gpu_count, world_size);
    _exit(78);
  }
  return value_or_die(NcclWorld::create(world_size, options));
}

int run(const Arguments& arguments) {
  const Layout layout = value_or_die(make_layout(arguments.layout));
  const std::unique_ptr<World> world = make_world(arguments, layout.world_size());
  std::fflush(nullptr);
  std::vector<pid_t> children;
  for (Rank rank = 0; rank < layout.world_size(); ++rank) {
    const pid_t child = fork();
    RADIXBENCH_CHECK(child >= 0);
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      run_rank(arguments, layout, *world, rank);
      _exit(0);
    }
    children.push_back(child);
  }
  world->ranks_forked();
  int worst = 0;
  for (std::size_t left = children.size(); left > 0; --left) {
    int status = 0;
    const pid_t ended = wait(&status);
    const auto rank = std::ranges::find(children, ended) - children.begin();
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code == 0) continue;
    world->mark_dead(static_cast<Rank>(rank));
    worst = std::max(worst, code);
  }
  return worst;
}

int usage() {
  fmt::print(stderr,
             "usage: transports_bench shm|gloo|mpi|nccl LAYOUT [--share-gpu] [--seconds S]\n");
  return 64;
}

int read_and_run(std::span<char* const> words) {
  if (words.size() < 2) return usage();
  Arguments arguments{.transport = words[0], .layout = words[1]};
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--share-gpu") {
      arguments.shares_gpu = true;
    } else if (word == "--seconds" && i + 1 < words.size()) {
      arguments.seconds = std::strtod(words[++i], nullptr);
    } else {
      return usage();
    }
  }
  return run(arguments);
}

}  // namespace
}  // namespace radixbench

int main(int argc, char** argv) {
  return radixbench::read_and_run({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
}

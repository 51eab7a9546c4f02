// Calls of the shared-memory transport, back to back, as rank 0 sees them: ranks are forked
// processes pinned round robin to the cores, the same as peers/coll_limits.cpp does it.

#include "base/check.h"
#include "base/clock.h"
#include "base/cores.h"
#include "comm/shm_fabric.h"

#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <numeric>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kBatchCalls = 1000;
constexpr auto kPatience = 60s;

template <typename Element, std::size_t kCount>
void reduce_once(Communicator& group, const Call& call) {
  std::array<Element, kCount> values;
  values.fill(static_cast<Element>(group.index() + 5));
  const bool is_ok = group.all_reduce(std::span{values}, ReduceOp::kMin, call).has_value();
  RADIXBENCH_CHECK(is_ok && values.back() == 5);
}

void barrier_once(Communicator& group, const Call& call) {
  RADIXBENCH_CHECK(group.barrier(call).has_value());
}

using MakeCall = void (*)(Communicator&, const Call&);

Call call_now() { return {.site = 0, .key = 0, .deadline = deadline_after(kPatience)}; }

// Rank 0 says how many calls are next; 0 ends the run.
std::int64_t agree_on_count(Communicator& group, std::int64_t mine) {
  std::array<std::int64_t, 1> count{mine};
  RADIXBENCH_CHECK(group.broadcast(count, 0, call_now()).has_value());
  return count[0];
}

// Ranks 1 and up of a world, in processes that make calls until rank 0 says stop.
class Peers {
 public:
  Peers(ShmWorld& world, const GroupSpec& spec, MakeCall make_call) {
    for (Rank rank = 1; rank < world_size(spec); ++rank) {
      const pid_t child = fork();
      RADIXBENCH_CHECK(child >= 0);
      if (child == 0) run(world, spec, rank, make_call);
      children_.push_back(child);
    }
  }
  ~Peers() {
    for (const pid_t child : children_) waitpid(child, nullptr, 0);
  }
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  static Rank world_size(const GroupSpec& spec) { return static_cast<Rank>(spec.members.size()); }

 private:
  [[noreturn]] static void run(ShmWorld& world,
                               const GroupSpec& spec,
                               Rank rank,
                               MakeCall make_call) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto fabric = world.attach(rank, nullptr);
    const auto group = fabric->open(spec, deadline_after(kPatience));
    RADIXBENCH_CHECK(group.has_value());
    RADIXBENCH_CHECK(pin_to_core(rank).has_value());
    const Call call = call_now();
    while (const std::int64_t count = agree_on_count(**group, 0)) {
      for (std::int64_t i = 0; i < count; ++i) make_call(**group, call);
    }
    _exit(0);
  }

  std::vector<pid_t> children_;
};

void report(benchmark::State& state, std::vector<std::int64_t>& times_ns) {
  std::ranges::sort(times_ns);
  const auto at = [&](std::size_t percent) {
    return static_cast<double>(times_ns[(times_ns.size() - 1) * percent / 100]) * 1e-3;
  };
  state.counters["p50_us"] = at(50);
  state.counters["p99_us"] = at(99);
  state.counters["ranks_per_core"] =
      static_cast<double>(state.range(0)) / static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
}

void BM_ShmCall(benchmark::State& state, MakeCall make_call) {
  const auto size = static_cast<Rank>(state.range(0));
  const auto world = ShmWorld::create(size);
  RADIXBENCH_CHECK(world.has_value());
  GroupSpec spec{.name = "bench", .members = std::vector<Rank>(size), .ordinal = 0};
  std::iota(spec.members.begin(), spec.members.end(), Rank{0});
  const Peers peers{**world, spec, make_call};
  const auto fabric = (*world)->attach(0, nullptr);
  const auto group = fabric->open(spec, deadline_after(kPatience));
  RADIXBENCH_CHECK(group.has_value());
  cpu_set_t unpinned;
  sched_getaffinity(0, sizeof unpinned, &unpinned);
  RADIXBENCH_CHECK(pin_to_core(0).has_value());

  std::vector<std::int64_t> times_ns;
  const Call call = call_now();
  while (state.KeepRunningBatch(kBatchCalls)) {
    agree_on_count(**group, kBatchCalls);
    const std::int64_t batch_start_ns = monotonic_ns();
    for (std::int64_t i = 0; i < kBatchCalls; ++i) {
      const std::int64_t start_ns = monotonic_ns();
      make_call(**group, call);
      times_ns.push_back(monotonic_ns() - start_ns);
    }
    state.SetIterationTime(static_cast<double>(monotonic_ns() - batch_start_ns) * 1e-9);
  }
  agree_on_count(**group, 0);
  sched_setaffinity(0, sizeof unpinned, &unpinned);
  report(state, times_ns);
}

void apply_sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(2)->Arg(4)->Arg(8)->Arg(16)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(BM_ShmCall, reduce_int32_2, reduce_once<std::int32_t, 2>)->Apply(apply_sizes);
BENCHMARK_CAPTURE(BM_ShmCall, reduce_int64_16, reduce_once<std::int64_t, 16>)->Apply(apply_sizes);
BENCHMARK_CAPTURE(BM_ShmCall, reduce_int64_64, reduce_once<std::int64_t, 64>)->Apply(apply_sizes);
BENCHMARK_CAPTURE(BM_ShmCall, barrier, barrier_once)->Apply(apply_sizes);

}  // namespace
}  // namespace radixbench

// Our gloo transport beside plain gloo, call by call in the same processes: each rank has a group
// of ours and a context that gloo's own rendezvous connected, and makes each call over both, in an
// order that changes at random. The ratio's interval is of launches and blocks of calls drawn
// again.
//
// usage: gloo_vs_plain RANKS [--launches N] [--calls N] [--seed S]

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "comm/gloo_world.h"

#include <fmt/core.h>
#include <gloo/allreduce.h>
#include <gloo/barrier.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr std::size_t kWarmUpPairs = 50;
constexpr std::size_t kBlockPairs =
    25;  // what the machine does to one call it does to the next few
constexpr std::size_t kDraws = 2000;

struct Arguments {
  Rank ranks = 2;
  std::size_t launches = 10;
  std::size_t pairs = 400;  // a launch and kind of call
  std::uint64_t seed = 1;
};

struct Pair {
  std::int64_t ours_ns = 0;
  std::int64_t plain_ns = 0;
};

// A rank's two ways to its peers.
struct Ways {
  Communicator& ours;
  std::shared_ptr<gloo::Context> plain;
};

struct Kind {
  const char* name;
  void (*ours)(Ways& ways);
  void (*plain)(Ways& ways);
};

template <typename Element, std::size_t kCount>
void reduce_ours(Ways& ways) {
  std::array<Element, kCount> values;
  values.fill(static_cast<Element>(ways.ours.index() + 5));
  const Call call{.site = 0, .key = 0, .deadline = deadline_after(kPatience)};
  const Result<void> reduced = ways.ours.all_reduce(std::span{values}, ReduceOp::kMin, call);
  RADIXBENCH_CHECK(reduced.has_value() && values.back() == 5);
}

template <typename Element, std::size_t kCount>
void reduce_plain(Ways& ways) {
  std::array<Element, kCount> values;
  values.fill(static_cast<Element>(ways.plain->rank + 5));
  gloo::AllreduceOptions options{ways.plain};
  options.setOutput(values.data(), values.size());
  options.setReduceFunction([](void* to, const void* a, const void* b, std::size_t count) {
    gloo::min<Element>(to, a, b, count);
  });
  options.setAlgorithm(gloo::AllreduceOptions::Algorithm::RING);
  gloo::allreduce(options);
  RADIXBENCH_CHECK(values.back() == 5);
}

void barrier_ours(Ways& ways) {
  const Call call{.site = 0, .key = 0, .deadline = deadline_after(kPatience)};
  RADIXBENCH_CHECK(ways.ours.barrier(call).has_value());
}

void barrier_plain(Ways& ways) {
  gloo::BarrierOptions options{ways.plain};
  gloo::barrier(options);
}

constexpr std::array kKinds{
    Kind{"all_reduce min int32[2]", reduce_ours<std::int32_t, 2>, reduce_plain<std::int32_t, 2>},
    Kind{"all_reduce min int64[64]", reduce_ours<std::int64_t, 64>, reduce_plain<std::int64_t, 64>},
    Kind{"barrier", barrier_ours, barrier_plain},
};

std::int64_t time_of(void (*make)(Ways&), Ways& ways) {
  const std::int64_t start_ns = monotonic_ns();
  make(ways);
  return monotonic_ns() - start_ns;
}

// Every rank the same calls in the same order; `pairs` are rank 0's.
void make_pairs(const Kind& kind, Ways& ways, std::uint64_t seed, std::span<Pair> pairs) {
  for (std::size_t i = 0; i < kWarmUpPairs + pairs.size(); ++i) {
    Pair pair;
    const bool is_ours_first = draw(seed, kind.name, i, 0) % 2 == 0;
    if (is_ours_first) pair.ours_ns = time_of(kind.ours, ways);
    pair.plain_ns = time_of(kind.plain, ways);
    if (!is_ours_first) pair.ours_ns = time_of(kind.ours, ways);
    if (i >= kWarmUpPairs && ways.plain->rank == 0) pairs[i - kWarmUpPairs] = pair;
  }
}

std::shared_ptr<gloo::Context> connect_plain(Rank rank, Rank ranks, const std::string& store_path) {
  auto device = gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr{"127.0.0.1"});
  gloo::rendezvous::FileStore store{store_path};
  const auto context =
      std::make_shared<gloo::rendezvous::Context>(static_cast<int>(rank), static_cast<int>(ranks));
  context->setTimeout(kPatience);
  context->connectFullMesh(store, device);
  return context;
}

void run_rank(World& world,
              Rank rank,
              const Arguments& arguments,
              const std::string& store_path,
              std::span<Pair> pairs) {
  const std::unique_ptr<Fabric> fabric = world.attach(rank, nullptr);
  GroupSpec spec{.name = "bench", .members = std::vector<Rank>(arguments.ranks), .ordinal = 0};
  std::iota(spec.members.begin(), spec.members.end(), Rank{0});
  const auto group = fabric->open(spec, deadline_after(kPatience));
  RADIXBENCH_CHECK(group.has_value());
  Ways ways{.ours = **group, .plain = connect_plain(rank, arguments.ranks, store_path)};
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    make_pairs(
        kKinds[kind], ways, arguments.seed, pairs.subspan(kind * arguments.pairs, arguments.pairs));
  }
  barrier_ours(ways);
}

// One set of processes; the pairs of all kinds, one kind after the other.
std::vector<Pair> launch(const Arguments& arguments) {
  std::string store_path = std::filesystem::temp_directory_path() / "gloo_vs_plain.XXXXXX";
  RADIXBENCH_CHECK(mkdtemp(store_path.data()) != nullptr);
  const std::size_t count = kKinds.size() * arguments.pairs;
  void* memory = mmap(
      nullptr, count * sizeof(Pair), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  RADIXBENCH_CHECK(memory != MAP_FAILED);
  const std::span<Pair> shared{static_cast<Pair*>(memory), count};
  const auto world = make_gloo_world(arguments.ranks, {});
  RADIXBENCH_CHECK(world.has_value());
  for (Rank rank = 0; rank < arguments.ranks; ++rank) {
    const pid_t child = fork();
    RADIXBENCH_CHECK(child >= 0);
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_rank(**world, rank, arguments, store_path, shared);
    _exit(0);
  }
  (*world)->ranks_forked();
  for (Rank rank = 0; rank < arguments.ranks; ++rank) {
    int status = 0;
    RADIXBENCH_CHECK(wait(&status) > 0 && status == 0);
  }
  std::vector<Pair> pairs{shared.begin(), shared.end()};
  munmap(memory, count * sizeof(Pair));
  std::filesystem::remove_all(store_path);
  return pairs;
}

// The pairs of one kind, by launch.
using Launches = std::vector<std::span<const Pair>>;

double quantile_us(std::vector<std::int64_t>& times_ns, std::size_t percent) {
  const auto at =
      times_ns.begin() + static_cast<std::ptrdiff_t>((times_ns.size() - 1) * percent / 100);
  std::ranges::nth_element(times_ns, at);
  return static_cast<double>(*at) * 1e-3;
}

struct Times {
  std::vector<std::int64_t> ours_ns;
  std::vector<std::int64_t> plain_ns;

  void add(std::span<const Pair> pairs) {
    for (const Pair& pair : pairs) {
      ours_ns.push_back(pair.ours_ns);
      plain_ns.push_back(pair.plain_ns);
    }
  }
  double ratio() { return quantile_us(ours_ns, 50) / quantile_us(plain_ns, 50); }
};

// As many launches as there were, drawn with replacement, and of each as many blocks as it has.
double draw_ratio(const Launches& launches, Random& random) {
  Times drawn;
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const std::span<const Pair> pairs = launches[random.below(launches.size())];
    const std::size_t block = std::min(kBlockPairs, pairs.size());
    for (std::size_t taken = 0; taken < pairs.size(); taken += block) {
      drawn.add(pairs.subspan(random.below(pairs.size() - block + 1), block));
    }
  }
  return drawn.ratio();
}

void print_line(const Arguments& arguments, const Kind& kind, const Launches& launches) {
  Times all;
  for (const std::span<const Pair> pairs : launches) all.add(pairs);
  Random random{arguments.seed, kind.name};
  std::vector<double> ratios(kDraws);
  std::ranges::generate(ratios, [&] { return draw_ratio(launches, random); });
  std::ranges::sort(ratios);
  const auto cores = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  fmt::print(
      "{:>5} {:>10.1f}  {:<24} {:>10.1f} {:>10.1f} {:>7.3f} {:>7.3f} {:>7.3f} {:>10.1f} "
      "{:>10.1f}\n",
      arguments.ranks,
      arguments.ranks / cores,
      kind.name,
      quantile_us(all.ours_ns, 50),
      quantile_us(all.plain_ns, 50),
      all.ratio(),
      ratios[kDraws * 25 / 1000],
      ratios[kDraws * 975 / 1000],
      quantile_us(all.ours_ns, 99),
      quantile_us(all.plain_ns, 99));
}

int run(const Arguments& arguments) {
  if (const auto reason = why_no_gloo()) {
    fmt::print(stderr, "gloo_vs_plain: {}\n", *reason);
    return 69;
  }
  std::vector<std::vector<Pair>> all;
  for (std::size_t i = 0; i < arguments.launches; ++i) all.push_back(launch(arguments));
  fmt::print("{:>5} {:>10}  {:<24} {:>10} {:>10} {:>7} {:>7} {:>7} {:>10} {:>10}\n",
             "ranks",
             "ranks/core",
             "call",
             "ours p50",
             "plain p50",
             "ratio",
             "2.5 %",
             "97.5 %",
             "ours p99",
             "plain p99");
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    Launches launches;
    for (const std::vector<Pair>& pairs : all) {
      launches.push_back(std::span{pairs}.subspan(kind * arguments.pairs, arguments.pairs));
    }
    print_line(arguments, kKinds[kind], launches);
  }
  return 0;
}

int usage() {
  fmt::print(stderr, "usage: gloo_vs_plain RANKS [--launches N] [--calls N] [--seed S]\n");
  return 64;
}

int read_and_run(std::span<char* const> words) {
  Arguments arguments;
  if (words.empty() || words.size() % 2 == 0) return usage();
  arguments.ranks = static_cast<Rank>(std::strtoul(words[0], nullptr, 10));
  for (std::size_t i = 1; i < words.size(); i += 2) {
    const std::string_view word = words[i];
    const std::uint64_t value = std::strtoull(words[i + 1], nullptr, 10);
    if (value == 0) return usage();
    if (word == "--launches") {
      arguments.launches = value;
    } else if (word == "--calls") {
      arguments.pairs = value;
    } else if (word == "--seed") {
      arguments.seed = value;
    } else {
      return usage();
    }
  }
  return arguments.ranks >= 2 ? run(arguments) : usage();
}

}  // namespace
}  // namespace radixbench

int main(int argc, char** argv) {
  return radixbench::read_and_run({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
}

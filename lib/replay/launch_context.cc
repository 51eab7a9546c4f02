#include "replay/launch_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::array kLaunchers{Launcher::kFlags,
                                Launcher::kRadixbench,
                                Launcher::kTorchrun,
                                Launcher::kOpenMpi,
                                Launcher::kMpich,
                                Launcher::kSlurm};

// A value, and what it is called where it was found.
struct Named {
  std::string name;
  std::string value;
};
using Find = std::function<std::optional<Named>(std::string_view)>;

// The words of one launcher, not read yet.
struct Words {
  Launcher launcher = Launcher::kNone;
  std::optional<Named> rank, world_size, local_rank, local_size, rendezvous;
};

std::optional<Named> first_of(const Find& find, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (auto found = find(name)) return found;
  }
  return std::nullopt;
}

Find in_environment(const EnvironmentMap& environment) {
  return [&environment](std::string_view name) -> std::optional<Named> {
    const auto found = environment.find(name);
    if (found == environment.end() || found->second.empty()) return std::nullopt;
    return Named{std::string{name}, found->second};
  };
}

std::optional<Named> flag(const char* name, const std::string& value) {
  if (value.empty()) return std::nullopt;
  return Named{name, value};
}

// "2(x3),1": tasks of the nodes in turn; of the node that this one is, where it says so, and else
// the first, where all have as many.
std::optional<Named> slurm_tasks(const Find& find) {
  auto tasks = find("SLURM_STEP_TASKS_PER_NODE");
  if (!tasks) return std::nullopt;
  const auto own_node = find("SLURM_NODEID");
  if (!own_node && tasks->value.find(',') != std::string::npos) return std::nullopt;
  std::size_t node = 0;
  if (own_node)
    std::from_chars(own_node->value.data(), own_node->value.data() + own_node->value.size(), node);
  std::string_view rest{tasks->value};
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t bracket = part.find("(x");
    std::size_t nodes = 1;
    if (bracket != std::string_view::npos) {
      std::from_chars(part.data() + bracket + 2, part.data() + part.size(), nodes);
    }
    if (node < nodes) return Named{tasks->name, std::string{part.substr(0, bracket)}};
    node -= nodes;
  }
  return std::nullopt;
}

// A batch script runs as task 0 of a step of its own, which starts no ranks.
bool is_batch_step(const Find& find) {
  const auto step = first_of(find, {"SLURM_STEP_ID", "SLURM_STEPID"});
  constexpr std::string_view kBatchNumber = "4294967291";
  return !step || step->value == "batch" || step->value == kBatchNumber;
}

Words words_of(Launcher launcher, const LaunchFlags& flags, const Find& find) {
  Words words;
  words.launcher = launcher;
  const auto fill = [&](std::optional<Named> rank,
                        std::optional<Named> world_size,
                        std::optional<Named> local_rank,
                        std::optional<Named> local_size) {
    words.rank = std::move(rank);
    words.world_size = std::move(world_size);
    words.local_rank = std::move(local_rank);
    words.local_size = std::move(local_size);
  };
  switch (launcher) {
    case Launcher::kNone: break;
    case Launcher::kFlags:
      fill(flag("--rank", flags.rank),
           flag("--world-size", flags.world_size),
           flag("--local-rank", flags.local_rank),
           flag("--local-size", flags.local_size));
      break;
    case Launcher::kRadixbench:
      fill(find("RADIXBENCH_RANK"),
           find("RADIXBENCH_WORLD_SIZE"),
           find("RADIXBENCH_LOCAL_RANK"),
           find("RADIXBENCH_LOCAL_SIZE"));
      break;
    case Launcher::kTorchrun:
      fill(find("RANK"), find("WORLD_SIZE"), find("LOCAL_RANK"), find("LOCAL_WORLD_SIZE"));
      break;
    case Launcher::kOpenMpi:
      fill(find("OMPI_COMM_WORLD_RANK"),
           find("OMPI_COMM_WORLD_SIZE"),
           find("OMPI_COMM_WORLD_LOCAL_RANK"),
           find("OMPI_COMM_WORLD_LOCAL_SIZE"));
      break;
    case Launcher::kMpich:
      fill(find("PMI_RANK"),
           find("PMI_SIZE"),
           first_of(find, {"MPI_LOCALRANKID", "PMI_LOCAL_RANK"}),
           first_of(find, {"MPI_LOCALNRANKS", "PMI_LOCAL_SIZE"}));
      break;
    case Launcher::kSlurm:
      if (is_batch_step(find)) break;
      fill(find("SLURM_PROCID"),
           first_of(find, {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}),
           find("SLURM_LOCALID"),
           slurm_tasks(find));
      break;
  }
  return words;
}

// Whether they are enough to go by. torchrun's names are too common for less than all three.
bool is_whole(const Words& words) {
  return words.rank && words.world_size &&
         (words.launcher != Launcher::kTorchrun || words.local_rank);
}

Result<Rank> read_number(const Named& named) {
  constexpr Rank kMax = 1U << 20U;
  Rank value = 0;
  const char* const end = named.value.data() + named.value.size();
  const auto [stop, error] = std::from_chars(named.value.data(), end, value);
  if (error == std::errc{} && stop == end && value <= kMax) return value;
  return fail(ErrorCode::kConfiguration,
              fmt::format("{} is '{}', which is no number of ranks", named.name, named.value));
}

Result<std::optional<Rank>> read_optional(const std::optional<Named>& named) {
  if (!named) return std::optional<Rank>{};
  return read_number(*named).map([](Rank value) { return std::optional<Rank>{value}; });
}

Result<LaunchContext> read(const Words& words) {
  const Result<Rank> rank = read_number(*words.rank);
  const Result<Rank> world_size = read_number(*words.world_size);
  const Result<std::optional<Rank>> local_rank = read_optional(words.local_rank);
  const Result<std::optional<Rank>> local_size = read_optional(words.local_size);
  for (const Error* error : {rank ? nullptr : &rank.error(),
                             world_size ? nullptr : &world_size.error(),
                             local_rank ? nullptr : &local_rank.error(),
                             local_size ? nullptr : &local_size.error()}) {
    if (error != nullptr) return tl::unexpected(*error);
  }
  if (*rank >= *world_size) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("{} is {}, and {} is {}: ranks go from 0 to one less",
                            words.rank->name,
                            *rank,
                            words.world_size->name,
                            *world_size));
  }
  LaunchContext context;
  context.launcher = words.launcher;
  context.rank = *rank;
  context.world_size = *world_size;
  context.local_rank = *local_rank;
  context.local_size = *local_size;
  return context;
}

Result<std::optional<Launcher>> parse_wish(const std::string& text) {
  if (text.empty() || text == "auto") return std::optional<Launcher>{};
  if (text == to_string(Launcher::kNone)) return std::optional{Launcher::kNone};
  std::string names = "auto, none";
  for (const Launcher launcher : kLaunchers) {
    if (to_string(launcher) == text) return std::optional{launcher};
    names += fmt::format(", {}", to_string(launcher));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--launcher '{}' is none of {}", text, names));
}

std::string spell(const LaunchContext& context) {
  return fmt::format(
      "{} (rank {} of {})", to_string(context.launcher), context.rank, context.world_size);
}

// Half of a family is a mistake where its names are ours alone.
Result<void> check_halves(const Words& words) {
  const bool is_ours =
      words.launcher == Launcher::kFlags || words.launcher == Launcher::kRadixbench;
  if (!is_ours || is_whole(words)) return {};
  const std::optional<Named>& given = words.rank         ? words.rank
                                      : words.world_size ? words.world_size
                                                         : words.local_rank;
  if (!given) return {};
  const bool is_flags = words.launcher == Launcher::kFlags;
  const std::string_view missing = words.rank
                                       ? (is_flags ? "--world-size" : "RADIXBENCH_WORLD_SIZE")
                                       : (is_flags ? "--rank" : "RADIXBENCH_RANK");
  return fail(ErrorCode::kConfiguration, fmt::format("{} needs {}", given->name, missing));
}

// Of those that speak, the first; the others must say the same.
Result<LaunchContext> agree(const std::vector<LaunchContext>& found) {
  const LaunchContext& first = found.front();
  for (const LaunchContext& other : found) {
    const bool is_daemons_word =
        first.launcher == Launcher::kOpenMpi && other.launcher == Launcher::kSlurm;
    if (is_daemons_word) continue;
    if (other.rank == first.rank && other.world_size == first.world_size) continue;
    return fail(
        ErrorCode::kConfiguration,
        fmt::format("two launchers speak for this process: {} and {}; --launcher says whose "
                    "word counts",
                    spell(first),
                    spell(other)));
  }
  return first;
}

void add_meeting_place(LaunchContext& context, const LaunchFlags& flags, const Find& find) {
  const auto given = flag("--rendezvous", flags.rendezvous);
  const auto ours = find("RADIXBENCH_RENDEZVOUS");
  if (given) context.rendezvous = given->value;
  if (!given && ours) context.rendezvous = ours->value;
}

}  // namespace

std::string_view to_string(Launcher launcher) {
  switch (launcher) {
    case Launcher::kNone: return "none";
    case Launcher::kFlags: return "flags";
    case Launcher::kRadixbench: return "radixbench";
    case Launcher::kTorchrun: return "torchrun";
    case Launcher::kOpenMpi: return "openmpi";
    case Launcher::kMpich: return "mpich";
    case Launcher::kSlurm: return "slurm";
  }
  return "unknown";
}

EnvironmentMap environment_map(const char* const* entries) {
  EnvironmentMap map;
  for (; entries != nullptr && *entries != nullptr; ++entries) {
    const std::string_view entry{*entries};
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    map.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return map;
}

Result<LaunchContext> find_launch(const LaunchFlags& flags, const EnvironmentMap& environment) {
  const Result<std::optional<Launcher>> wish = parse_wish(flags.launcher);
  if (!wish) return tl::unexpected(wish.error());
  const Find find = in_environment(environment);
  std::vector<LaunchContext> found;
  for (const Launcher launcher : kLaunchers) {
    if (*wish && **wish != launcher) continue;
    const Words words = words_of(launcher, flags, find);
    if (Result<void> fine = check_halves(words); !fine) return tl::unexpected(fine.error());
    if (!is_whole(words)) continue;
    Result<LaunchContext> context = read(words);
    if (!context) return tl::unexpected(context.error());
    found.push_back(*std::move(context));
  }
  if (*wish && **wish != Launcher::kNone && found.empty()) {
    return fail(
        ErrorCode::kConfiguration,
        fmt::format("--launcher {}: it left no rank and number of ranks here", flags.launcher));
  }
  LaunchContext context;
  if (!found.empty()) {
    Result<LaunchContext> agreed = agree(found);
    if (!agreed) return agreed;
    context = *std::move(agreed);
  } else if (!*wish && find("PMIX_RANK")) {
    context.note =
        "PMIX_RANK is set, and nothing says how many ranks there are: spawning ranks here "
        "(--rank and --world-size say otherwise)";
  }
  add_meeting_place(context, flags, find);
  return context;
}

std::string describe(const LaunchContext& context) {
  const auto spelt = [](const std::optional<Rank>& number) {
    return number ? fmt::format("{}", *number) : std::string{"?"};
  };
  return fmt::format("launcher={} rank={}/{} local={}/{}",
                     to_string(context.launcher),
                     context.rank,
                     context.world_size,
                     spelt(context.local_rank),
                     spelt(context.local_size));
}

}  // namespace radixbench

#include "ab_session.h"

#include "exit_codes.h"
#include "own_program.h"

#include "record/hdf5_master.h"
#include "report/json_launches.h"
#include "report/launch_of_run.h"
#include "study/shell_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

std::string launches_path(const AbPlan& plan) { return plan.folder + "/" + kLaunchesFile; }

// Fields of the fingerprint that options or another build change, rather than the machine.
constexpr std::array<std::string_view, 4> kChosenFields = {
    "layout", "page_size", "compiler", "build_flags"};

using About = std::vector<std::pair<std::string, std::string>>;

About about_of(const AbPlan& plan) {
  return {{"tool", "radixbench " RADIXBENCH_VERSION},
          {"a", plan.a.name + " replay " + join_shell_words(plan.a.words)},
          {"b", plan.b.name + " replay " + join_shell_words(plan.b.words)},
          {"a_sha256", plan.a.sha256},
          {"b_sha256", plan.b.sha256},
          {"seed", std::to_string(plan.seed)},
          {"pairs", std::to_string(plan.pairs)},
          {"max_pairs", std::to_string(plan.pairs_max)},
          {"looks", std::to_string(plan.looks)},
          {"self_check", plan.has_self_check ? "true" : "false"},
          {"env_padding", std::to_string(plan.padding_max)}};
}

std::set<std::string> values_of(const LaunchSet& set, LaunchSide side, std::string_view field) {
  std::set<std::string> values;
  for (const Launch& launch : set.launches) {
    if (launch.side != side) continue;
    for (const LaunchCell& cell : launch.cells) {
      if (std::optional<std::string> value = field_of(cell.key, field)) values.insert(*value);
    }
  }
  return values;
}

std::set<std::string> fingerprints_of(const LaunchSet& set,
                                      LaunchSide side,
                                      std::string_view field) {
  std::set<std::string> values;
  for (const Launch& launch : set.launches) {
    if (launch.side != side || launch.cells.empty()) continue;
    for (const auto& [name, value] : launch.fingerprint) {
      if (name == field) values.insert(value);
    }
  }
  return values;
}

// What the sides differ in is what they were told to differ in: the machine is the same, and so is
// all that neither programs nor options change.
std::vector<std::string> fields_across(const LaunchSet& set) {
  std::vector<std::string> across;
  for (const std::string_view field : cell_fields()) {
    const std::set<std::string> a = values_of(set, LaunchSide::kA, field);
    const std::set<std::string> b = values_of(set, LaunchSide::kB, field);
    if (!a.empty() && !b.empty() && a != b) across.emplace_back(field);
  }
  for (const std::string_view field : kChosenFields) {
    const std::set<std::string> a = fingerprints_of(set, LaunchSide::kA, field);
    const std::set<std::string> b = fingerprints_of(set, LaunchSide::kB, field);
    const bool is_there = std::find(across.begin(), across.end(), field) != across.end();
    if (!a.empty() && !b.empty() && a != b && !is_there) across.emplace_back(field);
  }
  return across;
}

bool cannot_start(const ChildEnd& end) {
  constexpr std::array<int, 7> kCodes = {kExitUsage,
                                         kExitBadData,
                                         kExitNoInput,
                                         kExitUnavailable,
                                         kExitCannotCreate,
                                         kExitMismatch,
                                         kExitConfiguration};
  return end.exit_code && std::find(kCodes.begin(), kCodes.end(), *end.exit_code) != kCodes.end();
}

ErrorCode error_of(int exit_code) {
  switch (exit_code) {
    case kExitBadData: return ErrorCode::kCorrupt;
    case kExitNoInput: return ErrorCode::kNotFound;
    case kExitUnavailable: return ErrorCode::kUnsupported;
    case kExitCannotCreate: return ErrorCode::kCannotCreate;
    case kExitMismatch: return ErrorCode::kMismatch;
    case kExitConfiguration: return ErrorCode::kConfiguration;
    default: return ErrorCode::kInvalidArgument;
  }
}

std::string_view letter(LaunchSide side) {
  if (side == LaunchSide::kA) return "A";
  return side == LaunchSide::kB ? "B" : "check";
}

class Session {
 public:
  Session(const AbPlan& plan, LaunchSet& set, ChildRunner& runner, const AbCallbacks& callbacks)
      : plan_{plan}, set_{set}, runner_{runner}, callbacks_{callbacks} {}

  Result<void> make() {
    const std::vector<ScheduledPair> schedule =
        launch_schedule(plan_.seed, plan_.pairs_max, plan_.has_self_check);
    std::size_t done = set_.launches.size() / 2;
    if (is_over(schedule, done)) return {};
    if (Result<void> warm = warm_up(); !warm) return warm;
    while (done < schedule.size() && !runner_.interrupted_by()) {
      const Result<bool> is_made = make_pair(schedule[done]);
      if (!is_made) return tl::unexpected(is_made.error());
      if (!*is_made) break;
      ++done;
      if (Result<void> saved = save(); !saved) return saved;
      if (callbacks_.paired) {
        callbacks_.paired(done, schedule.size(), *(set_.launches.end() - 2), set_.launches.back());
      }
      if (is_over(schedule, done)) break;
    }
    return check_programs();
  }

 private:
  // Nothing is left to do, or it needs not be done.
  [[nodiscard]] bool is_over(const std::vector<ScheduledPair>& schedule, std::size_t done) const {
    if (done >= schedule.size()) return true;
    if (done == 0) return false;
    const auto ab_pairs = static_cast<std::size_t>(
        std::count_if(schedule.begin(),
                      schedule.begin() + static_cast<std::ptrdiff_t>(done),
                      [](const ScheduledPair& pair) { return !pair.is_self_check(); }));
    // A self-check that follows the last pair of a look belongs to it.
    const auto& looks = plan_.look_sizes;
    const bool is_look = std::find(looks.begin(), looks.end(), ab_pairs) != looks.end() &&
                         !schedule[done].is_self_check();
    return is_look && callbacks_.is_decided && callbacks_.is_decided(set_);
  }

  // Caches and file systems as the launches that count will find them.
  Result<void> warm_up() {
    for (std::size_t i = 0; i < plan_.warmups; ++i) {
      for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB}) {
        if (runner_.interrupted_by()) return {};
        const std::string folder = fmt::format("{}/runs/warmup-{}", plan_.folder, letter(side));
        const Result<ChildEnd> end = start(side, -1, folder);
        if (!end) return tl::unexpected(end.error());
        std::error_code ignored;
        fs::remove_all(folder, ignored);
      }
    }
    return {};
  }

  // False where this process was told to stop before the pair was whole.
  Result<bool> make_pair(const ScheduledPair& pair) {
    std::array<Launch, 2> launches;
    const std::array<LaunchSide, 2> sides = {pair.first, pair.second};
    for (std::size_t i = 0; i < sides.size(); ++i) {
      Result<std::optional<Launch>> launch = make_launch(sides.at(i), pair.number);
      if (!launch) return tl::unexpected(launch.error());
      if (!*launch) return false;
      launches.at(i) = std::move(**launch);
    }
    for (Launch& launch : launches) set_.launches.push_back(std::move(launch));
    return true;
  }

  // Nothing where this process was told to stop.
  Result<std::optional<Launch>> make_launch(LaunchSide side, std::int32_t pair) {
    const std::string folder = fmt::format("{}/runs/{:05}-{}", plan_.folder, pair, letter(side));
    const Result<ChildEnd> end = start(side, pair, folder);
    if (!end) return tl::unexpected(end.error());
    if (end->was_interrupted) {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
      return std::optional<Launch>{};
    }
    Launch launch;
    const Result<MasterData> run = read_hdf5_master(folder);
    if (run) launch = launch_of_run(*run);
    launch.side = side;
    launch.pair = pair;
    if (!end->is_fine())
      launch.failure = end->failure();
    else if (!run)
      launch.failure = run.error().message;
    drop_runs(folder, !launch.failure.empty());
    return std::optional<Launch>{std::move(launch)};
  }

  Result<ChildEnd> start(LaunchSide side, std::int32_t pair, const std::string& folder) {
    std::error_code error;
    fs::remove_all(folder, error);
    fs::create_directories(folder, error);
    if (error) {
      return fail(ErrorCode::kCannotCreate, fmt::format("{}: {}", folder, error.message()));
    }
    const AbSide& what = side == LaunchSide::kB ? plan_.b : plan_.a;
    ChildCommand command;
    command.program = what.program;
    command.words = {"replay"};
    command.words.insert(command.words.end(), what.words.begin(), what.words.end());
    command.words.push_back("--output=" + folder);
    command.timeout = plan_.timeout;
    if (plan_.padding_max > 0) {
      const std::size_t bytes = environment_padding(plan_.seed, pair, side, plan_.padding_max);
      command.environment.emplace_back("RADIXBENCH_PADDING", std::string(bytes, 'x'));
    }
    Result<ChildEnd> end = runner_.run(command);
    const bool is_first = started_.insert(side == LaunchSide::kB).second;
    if (end && is_first && cannot_start(*end)) {
      return fail(error_of(*end->exit_code),
                  fmt::format("{} can't be launched: {}", letter(side), end->failure()));
    }
    return end;
  }

  void drop_runs(const std::string& folder, bool has_failed) {
    std::error_code ignored;
    if (has_failed || plan_.keeps == KeptRuns::kAll) return;
    if (plan_.keeps == KeptRuns::kNone) {
      fs::remove_all(folder, ignored);
      fs::remove(plan_.folder + "/runs", ignored);  // where it is empty
      return;
    }
    // The last two, which are of one pair once all is over.
    kept_.push_back(folder);
    if (kept_.size() <= 2) return;
    fs::remove_all(kept_.front(), ignored);
    kept_.erase(kept_.begin());
  }

  Result<void> save() {
    set_.across = fields_across(set_);
    return write_launches(launches_path(plan_), set_);
  }

  // Somebody may have built a program anew meanwhile, and launches of two are no sample of either.
  [[nodiscard]] Result<void> check_programs() const {
    for (const AbSide* side : {&plan_.a, &plan_.b}) {
      const Result<std::string> now = sha256_of_file(side->program);
      if (!now) return tl::unexpected(now.error());
      if (*now != side->sha256) {
        return fail(ErrorCode::kConfiguration,
                    fmt::format("{} was changed while its launches were made", side->name));
      }
    }
    return {};
  }

  const AbPlan& plan_;
  LaunchSet& set_;
  ChildRunner& runner_;
  const AbCallbacks& callbacks_;
  std::set<bool> started_;  // whether B was, whether A was
  std::vector<std::string> kept_;
};

}  // namespace

LaunchSet new_launches(const AbPlan& plan) {
  return {.label = plan.folder, .launches = {}, .across = {}, .about = about_of(plan)};
}

Result<LaunchSet> resumed_launches(const AbPlan& plan) {
  Result<LaunchSet> set = read_launches(launches_path(plan));
  if (!set) return set;
  const About fresh = about_of(plan);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    const std::string& name = fresh[i].first;
    const std::string& value = fresh[i].second;
    const auto found = std::find_if(set->about.begin(), set->about.end(), [&](const auto& entry) {
      return entry.first == name;
    });
    if (found != set->about.end() && found->second == value) continue;
    return fail(ErrorCode::kConfiguration,
                fmt::format("--resume: {} was '{}' and is '{}'; choose another -o for another "
                            "comparison",
                            name,
                            found == set->about.end() ? "" : found->second,
                            value));
  }
  return set;
}

Result<void> make_ab_folder(const AbPlan& plan) {
  std::error_code error;
  if (fs::exists(launches_path(plan), error)) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("{} holds launches already; --resume goes on with them", plan.folder));
  }
  fs::create_directories(plan.folder, error);
  if (error) {
    return fail(ErrorCode::kCannotCreate, fmt::format("{}: {}", plan.folder, error.message()));
  }
  return {};
}

Result<void> make_launches(const AbPlan& plan,
                           LaunchSet& set,
                           ChildRunner& runner,
                           const AbCallbacks& callbacks) {
  return Session{plan, set, runner, callbacks}.make();
}

}  // namespace radixbench

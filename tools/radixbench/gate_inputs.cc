#include "gate_inputs.h"

#include "git_history.h"
#include "launch_inputs.h"

#include "report/baseline_store.h"
#include "stats/gate_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace radixbench {
namespace {

// What differs between the environments of a baseline and one that it has no entry of.
std::string closest_difference(const std::vector<BaselineFolder>& folders,
                               const Fingerprint& wanted) {
  std::string closest;
  for (const BaselineFolder& folder : folders) {
    const BaselineEntry& entry = folder.entries.back();
    if (entry.set.launches.empty()) continue;
    const std::string difference =
        difference_of(entry.set.launches.front().fingerprint, wanted, {});
    const auto fields = [](const std::string& text) {
      return std::count(text.begin(), text.end(), ';');
    };
    if (closest.empty() || fields(difference) < fields(closest)) closest = difference;
  }
  return closest;
}

const BaselineEntry* entry_named(const BaselineFolder& folder, const std::string& name) {
  const BaselineEntry* found = nullptr;
  for (const BaselineEntry& entry : folder.entries) {
    if (entry.name.starts_with(name)) found = &entry;
  }
  return found;
}

class BaselineSide {
 public:
  BaselineSide(const GateInputArguments& arguments, GateInputs& inputs)
      : arguments_{&arguments}, inputs_{&inputs} {}

  Result<void> choose(const std::string& text) {
    const std::size_t at = text.find('@');
    const std::string name = text.substr(0, at);
    const std::string entry = at == std::string::npos ? "" : text.substr(at + 1);
    const Result<std::vector<BaselineFolder>> folders =
        BaselineStore{arguments_->directory}.folders(name);
    if (!folders && folders.error().code == ErrorCode::kNotFound) {
      inputs_->problem = folders.error().message;
      return {};
    }
    if (!folders) return tl::unexpected(folders.error());
    inputs_->a.label = "baseline " + name;
    const BaselineHistory history = git_history(arguments_->base);
    Environments environments;
    for (const Launch& launch : inputs_->b.launches) {
      if (!launch.fingerprint.empty()) {
        environments[fingerprint_hash(launch.fingerprint)] = &launch.fingerprint;
      }
    }
    for (const auto& [hash, fingerprint] : environments) {
      add(*folders, hash, *fingerprint, [&](const BaselineFolder& folder) {
        return entry.empty() ? choose_entry(folder, history) : entry_named(folder, entry);
      });
    }
    // Where some environment has an entry, cells of the others are new, and a layout that was
    // accepted in it and not run again is missing.
    if (inputs_->a.launches.empty()) return {};
    inputs_->problem.clear();
    for (const BaselineFolder& folder : *folders) {
      if (environments.contains(folder.fingerprint)) continue;
      const BaselineEntry* chosen =
          entry.empty() ? choose_entry(folder, history) : entry_named(folder, entry);
      if (chosen != nullptr && is_layout_beside(*chosen, environments)) add_launches(*chosen);
    }
    return {};
  }

 private:
  using Environments = std::map<std::string, const Fingerprint*>;

  // Whether the entry's environment is one of these but for the layout that ran in it.
  static bool is_layout_beside(const BaselineEntry& entry, const Environments& environments) {
    static const std::vector<std::string> across{"layout"};
    if (entry.set.launches.empty()) return false;
    const Fingerprint& own = entry.set.launches.front().fingerprint;
    return std::ranges::any_of(environments, [&](const auto& environment) {
      return difference_of(own, *environment.second, across).empty();
    });
  }

  void add_launches(const BaselineEntry& entry) {
    inputs_->a.label += fmt::format(" {}", entry.name);
    for (const Launch& launch : entry.set.launches) inputs_->a.launches.push_back(launch);
  }

  template <typename Choose>
  void add(const std::vector<BaselineFolder>& folders,
           const std::string& hash,
           const Fingerprint& fingerprint,
           const Choose& choose) {
    const auto folder =
        std::find_if(folders.begin(), folders.end(), [&](const BaselineFolder& known) {
          return known.fingerprint == hash;
        });
    if (folder == folders.end()) {
      inputs_->problem = fmt::format("{} has no entry of this environment ({}): {}",
                                     inputs_->a.label,
                                     hash,
                                     closest_difference(folders, fingerprint));
      return;
    }
    const BaselineEntry* chosen = choose(*folder);
    if (chosen == nullptr) {
      inputs_->problem = fmt::format(
          "{}: no accepted entry is of a commit that this one comes from (is the clone shallow?)",
          folder->path);
      return;
    }
    add_launches(*chosen);
    for (LaunchSet& set : history_of(*folder, *chosen)) inputs_->history.push_back(std::move(set));
  }

  const GateInputArguments* arguments_;
  GateInputs* inputs_;
};

Result<GateInputs> read_pairs(const std::string& path) {
  Result<LaunchSet> all = read_launch_input(path);
  if (!all) return tl::unexpected(all.error());
  GateInputs inputs;
  inputs.a = {fmt::format("{}@A", path), {}, all->across, all->about};
  inputs.b = {fmt::format("{}@B", path), {}, all->across, all->about};
  for (Launch& launch : all->launches) {
    (launch.side == LaunchSide::kB ? inputs.b : inputs.a).launches.push_back(std::move(launch));
  }
  if (!inputs.a.launches.empty() && !inputs.b.launches.empty()) return inputs;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: it holds one side only; name two sets, or a --baseline", path));
}

}  // namespace

Result<GateInputs> read_gate_inputs(const GateInputArguments& arguments) {
  const std::vector<std::string>& paths = arguments.paths;
  const bool is_lenient = !arguments.baseline_lenient.empty();
  const std::string& baseline = is_lenient ? arguments.baseline_lenient : arguments.baseline;
  if (is_lenient && !arguments.baseline.empty()) {
    return fail(ErrorCode::kInvalidArgument, "--baseline and --baseline-lenient: say one of them");
  }
  if (paths.empty())
    return fail(ErrorCode::kInvalidArgument,
                "nothing to judge: name what ab left, two sets, or runs and a --baseline");
  GateInputs inputs;
  if (!baseline.empty()) {
    Result<LaunchSet> b = read_side(paths, LaunchSide::kB);
    if (!b) return tl::unexpected(b.error());
    inputs.b = std::move(*b);
    if (Result<void> chosen = BaselineSide{arguments, inputs}.choose(baseline); !chosen) {
      return tl::unexpected(chosen.error());
    }
    return inputs;
  }
  if (paths.size() == 1) return read_pairs(paths.front());
  if (paths.size() > 2) {
    return fail(
        ErrorCode::kInvalidArgument,
        "more than two sets: put the runs of each side into a folder, or name a --baseline");
  }
  Result<LaunchSet> a = read_side({paths[0]}, LaunchSide::kA);
  if (!a) return tl::unexpected(a.error());
  Result<LaunchSet> b = read_side({paths[1]}, LaunchSide::kB);
  if (!b) return tl::unexpected(b.error());
  inputs.a = std::move(*a);
  inputs.b = std::move(*b);
  return inputs;
}

}  // namespace radixbench

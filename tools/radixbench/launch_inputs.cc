#include "launch_inputs.h"

#include "record/hdf5_master.h"
#include "report/json_launches.h"
#include "report/launch_of_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRanksFolder = "ranks";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

Result<Launch> read_run(const fs::path& path) {
  const Result<MasterData> master = read_hdf5_master(path.string());
  if (!master) return tl::unexpected(master.error());
  return launch_of_run(*master);
}

// A folder that is a run, be it one that did not get to its end.
Result<std::optional<Launch>> read_run_folder(const fs::path& folder) {
  if (is_there(folder / kMasterFile)) {
    Result<Launch> launch = read_run(folder);
    if (!launch) return tl::unexpected(launch.error());
    return std::optional{std::move(*launch)};
  }
  if (!is_folder(folder / kRanksFolder)) return std::optional<Launch>{};
  Launch launch;
  launch.run_id = folder.filename().string();
  launch.failure = "it left no run.h5";
  return std::optional{std::move(launch)};
}

Result<LaunchSet> read_runs_in(const fs::path& folder) {
  std::vector<fs::path> inside;
  std::error_code error;
  for (fs::directory_iterator entry{folder, error}; !error && entry != fs::directory_iterator{};
       entry.increment(error)) {
    if (is_folder(entry->path())) inside.push_back(entry->path());
  }
  std::sort(inside.begin(), inside.end());
  LaunchSet set;
  for (const fs::path& path : inside) {
    Result<std::optional<Launch>> launch = read_run_folder(path);
    if (!launch) return tl::unexpected(launch.error());
    if (*launch) set.launches.push_back(std::move(**launch));
  }
  if (!set.launches.empty()) return set;
  return fail(ErrorCode::kNotFound,
              fmt::format("{}: it holds neither {} nor {} nor folders of runs",
                          folder.string(),
                          kLaunchesFile,
                          kMasterFile));
}

Result<LaunchSet> read_any(const std::string& path) {
  if (!is_folder(path)) {
    if (path.ends_with(".json")) return read_launches(path);
    Result<Launch> launch = read_run(path);
    if (!launch) return tl::unexpected(launch.error());
    return LaunchSet{path, {std::move(*launch)}, {}, {}};
  }
  if (is_there(fs::path{path} / kLaunchesFile)) return read_launches(path);
  Result<std::optional<Launch>> launch = read_run_folder(path);
  if (!launch) return tl::unexpected(launch.error());
  if (*launch) return LaunchSet{path, {std::move(**launch)}, {}, {}};
  return read_runs_in(path);
}

// PATH@A: the path, and the side that is meant.
std::pair<std::string, std::optional<LaunchSide>> with_side(const std::string& text) {
  for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB}) {
    const std::string ending = fmt::format("@{}", to_string(side));
    if (text.ends_with(ending) && !is_there(text)) {
      return {text.substr(0, text.size() - ending.size()), side};
    }
  }
  return {text, std::nullopt};
}

}  // namespace

Result<LaunchSet> read_launch_input(const std::string& path) {
  Result<LaunchSet> set = read_any(path);
  if (set) set->label = path;
  return set;
}

Result<LaunchSet> read_side(const std::vector<std::string>& paths, LaunchSide side) {
  LaunchSet all;
  all.label = fmt::format("{}", fmt::join(paths, " "));
  for (const std::string& text : paths) {
    const auto [path, meant] = with_side(text);
    Result<LaunchSet> set = read_launch_input(path);
    if (!set) return tl::unexpected(set.error());
    std::set<LaunchSide> sides;
    for (const Launch& launch : set->launches) sides.insert(launch.side);
    if (!meant && sides.size() > 1) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{0}: it holds several sides; say {0}@A or {0}@B", path));
    }
    for (Launch& launch : set->launches) {
      if (meant && launch.side != *meant) continue;
      launch.side = side;
      launch.pair = -1;
      all.launches.push_back(std::move(launch));
    }
    if (all.about.empty()) all.about = set->about;
  }
  return all;
}

}  // namespace radixbench

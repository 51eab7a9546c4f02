#include "cmd_export.h"

#include "exit_codes.h"

#include "record/hdf5_master.h"
#include "report/json_export.h"
#include "report/json_launches.h"
#include "report/launch_of_run.h"
#include "report/launches_csv.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

struct ExportArguments {
  std::string format;
  std::vector<std::string> inputs;
  std::string side;
};

// Launches are files of JSON, or lie in a folder as such a file; anything else is a run.
bool holds_launches(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return fs::exists(fs::path{path} / kLaunchesFile, error);
  return fs::path{path}.extension() == ".json";
}

Result<LaunchSet> launches_in(const std::string& path) {
  if (holds_launches(path)) return read_launches(path);
  const Result<MasterData> run = read_hdf5_master(path);
  if (!run) return tl::unexpected(run.error());
  LaunchSet set;
  set.label = path;
  set.launches.push_back(launch_of_run(*run));
  return set;
}

Result<LaunchSet> read_inputs(const ExportArguments& arguments) {
  LaunchSet all;
  for (const std::string& path : arguments.inputs) {
    Result<LaunchSet> set = launches_in(path);
    if (!set) return tl::unexpected(set.error());
    all.label = set->label;
    for (Launch& launch : set->launches) {
      const bool is_meant = arguments.side.empty() || to_string(launch.side) == arguments.side;
      if (is_meant) all.launches.push_back(std::move(launch));
    }
  }
  return all;
}

Result<std::string> in_format(const LaunchSet& set, const std::string& format) {
  if (format == "csv") return launches_csv(set);
  if (format == "jsonl") return launches_jsonl(set);
  if (format == "gbench") return gbench_json(set, RADIXBENCH_VERSION);
  if (format == "bmf") return bmf_json(set);
  if (format == "gab") return gab_json(set);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("FORMAT '{}' is none of csv, jsonl, gbench, bmf, gab", format));
}

int export_launches(const ExportArguments& arguments) {
  if (const Result<std::string> format = in_format({}, arguments.format); !format) {
    return report_error(format.error());
  }
  const bool is_side = arguments.side.empty() || arguments.side == "A" || arguments.side == "B" ||
                       arguments.side == "A'";
  if (!is_side) {
    return report_error({ErrorCode::kInvalidArgument,
                         fmt::format("--side '{}' is none of A, B, A'", arguments.side)});
  }
  const Result<LaunchSet> set = read_inputs(arguments);
  if (!set) return report_error(set.error());
  const auto failed =
      std::ranges::count_if(set->launches, [](const Launch& l) { return !l.failure.empty(); });
  if (failed > 0) fmt::print(stderr, "radixbench: {} launches failed and have no values\n", failed);
  if (set->launches.empty()) {
    return report_error({ErrorCode::kNotFound, "there are no such launches to export"});
  }
  fmt::print("{}", *in_format(*set, arguments.format));
  return kExitFine;
}

constexpr const char* kExamples =
    R"(FORMAT is csv (a row a value), jsonl (an object a value), gbench (Google Benchmark's JSON,
for its compare.py), bmf (Bencher) or gab (github-action-benchmark, customSmallerIsBetter). INPUT
is a run's folder, what `ab` left, or a launches.json.

Examples:
  radixbench export csv runs/* > values.csv
  radixbench export gbench runs/ab --side A > a.json
  radixbench export gbench runs/ab --side B > b.json && compare.py benchmarks a.json b.json

Exit codes: 64 no such format, 65 not a run or launches of this schema, 66 no such file.)";

}  // namespace

void add_export_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* command = app.add_subcommand("export", "Values of launches in forms of other tools");
  const auto arguments = std::make_shared<ExportArguments>();
  command->add_option("FORMAT", arguments->format, "csv, jsonl, gbench, bmf or gab")->required();
  command->add_option("INPUT", arguments->inputs, "Runs or launches")->required();
  command->add_option("--side", arguments->side, "Only launches of this side: A, B or A'");
  command->footer(kExamples);
  commands.push_back({command, [arguments] { return export_launches(*arguments); }});
}

}  // namespace radixbench

#include "cmd_compare.h"

#include "exit_codes.h"

#include "report/json_comparison.h"
#include "report/run_comparison.h"

#include <fmt/core.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

struct CompareArguments {
  std::vector<std::string> paths;
  std::string format = "text";
};

Result<std::string> in_format(const RunComparison& comparison, const std::string& format) {
  if (format == "text") return run_comparison_text(comparison);
  if (format == "json") return run_comparison_json(comparison);
  if (format == "markdown") return run_comparison_markdown(comparison);
  if (format == "csv") return run_comparison_csv(comparison);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--format: '{}' is none of text, json, markdown, csv", format));
}

int compare(const CompareArguments& arguments) {
  if (const Result<std::string> format = in_format({}, arguments.format); !format) {
    return report_error(format.error());
  }
  std::vector<ComparedRun> runs;
  for (const std::string& path : arguments.paths) {
    Result<MasterData> master = read_hdf5_master(path);
    if (!master) return report_error(master.error());
    runs.push_back({path, std::move(*master)});
  }
  fmt::print("{}", *in_format(compare_runs(runs), arguments.format));
  return kExitFine;
}

constexpr const char* kExamples =
    R"(RUN is a run's folder (what `replay -o` wrote) or the run.h5 in it. The first run is what the
others are set against. It describes; no exit code carries a verdict.

Examples:
  radixbench compare runs/hardcoded_tp runs/attn_groups
  radixbench compare runs/*/run.h5 --format markdown

Exit codes: 64 fewer than two runs, 65 no master of this program's schema, 66 no such file.)";

}  // namespace

void add_compare_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* compare_app =
      app.add_subcommand("compare", "Runs side by side: options, exact counts, medians");
  const auto arguments = std::make_shared<CompareArguments>();
  compare_app->add_option("RUN", arguments->paths, "Runs, two at least")
      ->required()
      ->expected(2, 26);
  compare_app->add_option("--format", arguments->format, "text, json, markdown or csv")
      ->capture_default_str();
  compare_app->footer(kExamples);
  commands.push_back({compare_app, [arguments] { return compare(*arguments); }});
}

}  // namespace radixbench

#include "cmd_report.h"

#include "exit_codes.h"
#include "terminal.h"

#include "base/file_text.h"
#include "report/gate_markdown.h"
#include "report/gate_text.h"
#include "report/json_gate.h"
#include "report/json_launches.h"
#include "report/junit_gate.h"
#include "report/launch_of_run.h"
#include "report/run_overview.h"

#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

struct ReportArguments {
  std::string format, input;
  std::string id = "gate";
  bool is_verbose = false, is_step_summary = false, is_coloured = false;
};

tl::unexpected<Error> no_format(const std::string& format, const char* what, const char* allowed) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("FORMAT '{}' of {} is none of {}", format, what, allowed));
}

Result<std::string> report_of_gate(const ReportArguments& arguments) {
  const Result<std::string> text = read_file_text(arguments.input);
  if (!text) return tl::unexpected(text.error());
  const Result<GateReport> report = read_gate_json(*text, arguments.input);
  if (!report) return tl::unexpected(report.error());
  if (arguments.format == "console") {
    return gate_text(*report, {arguments.is_verbose, arguments.is_coloured});
  }
  if (arguments.format == "md") {
    GateMarkdownOptions options{.id = arguments.id};
    if (arguments.is_step_summary) options.bytes_max = kStepSummaryBytesMax;
    return gate_markdown(*report, options);
  }
  if (arguments.format == "json") {
    return gate_json(*report, {RADIXBENCH_VERSION, exit_code_of(end_of(*report))});
  }
  if (arguments.format == "junit") return gate_junit(*report);
  return no_format(arguments.format, "a gate", "console, md, json, junit");
}

std::vector<std::string> files_gone(const fs::path& master, const MasterData& run) {
  std::vector<std::string> gone;
  std::error_code error;
  const fs::path folder = fs::is_directory(master, error) ? master : master.parent_path();
  for (const RankFileEntry& file : run.rank_files) {
    if (file.is_readable && !fs::exists(folder / file.file, error)) gone.push_back(file.file);
  }
  return gone;
}

Result<std::string> report_of_run(const ReportArguments& arguments) {
  Result<MasterData> run = read_hdf5_master(arguments.input);
  if (!run) return tl::unexpected(run.error());
  RunOverview overview{.run = std::move(*run), .gone = {}};
  overview.gone = files_gone(arguments.input, overview.run);
  if (arguments.format == "console") return run_overview_text(overview);
  if (arguments.format == "md") return run_overview_markdown(overview);
  if (arguments.format == "json") {
    LaunchSet set;
    set.label = arguments.input;
    set.launches.push_back(launch_of_run(overview.run));
    return launches_json(set);
  }
  return no_format(arguments.format, "a run", "console, md, json");
}

int print_report(const ReportArguments& arguments) {
  const bool is_gate = fs::path{arguments.input}.extension() == ".json";
  const Result<std::string> text = is_gate ? report_of_gate(arguments) : report_of_run(arguments);
  if (!text) return report_error(text.error());
  fmt::print("{}", *text);
  return kExitFine;
}

constexpr const char* kExamples =
    R"(FORMAT is console, md, json or junit. INPUT is the JSON of a gate (gate --json FILE), or a
run's folder. It judges nothing: what the gate found is said once more.

Examples:
  radixbench report md gate.json --id linux > comment.md
  radixbench report md gate.json --step-summary >> "$GITHUB_STEP_SUMMARY"
  radixbench report junit gate.json > junit.xml
  radixbench report console runs/last

Exit codes: 64 no such format, 65 no gate's JSON or run of this schema, 66 no such file.)";

}  // namespace

void add_report_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* command = app.add_subcommand("report", "A gate's result, or a run, in another form");
  const auto arguments = std::make_shared<ReportArguments>();
  command->add_option("FORMAT", arguments->format, "console, md, json or junit")->required();
  command->add_option("INPUT", arguments->input, "A gate's JSON, or a run")->required();
  command->add_flag("-v,--verbose", arguments->is_verbose, "Cells that passed, too");
  command->add_option("--id", arguments->id, "Of the marker that Markdown begins with")
      ->capture_default_str();
  command->add_flag("--step-summary",
                    arguments->is_step_summary,
                    "Markdown of up to 900 kB, for a step summary; else 60,000 bytes");
  command->footer(kExamples);
  commands.push_back({command, [arguments, command] {
                        arguments->is_coloured = is_colour_wanted(*command);
                        return print_report(*arguments);
                      }});
}

}  // namespace radixbench

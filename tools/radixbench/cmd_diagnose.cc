#include "cmd_diagnose.h"

#include "exit_codes.h"
#include "reproducer.h"

#include "base/file_text.h"
#include "layout/layout.h"
#include "record/hdf5_master.h"
#include "report/json_verdict.h"
#include "report/verdict_text.h"
#include "watch/diagnose.h"
#include "watch/recording_files.h"

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

struct DiagnoseArguments {
  std::vector<std::string> paths;
  std::string layout;
  std::string contracts;
  std::string reproducer;
  std::string format = "text";
  double watchdog_s = 0;
  double late_after_s = 1;
};

// What a run of this tool said of its own layout; nothing for other folders.
std::optional<std::string> layout_of_run(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const std::filesystem::path master = std::filesystem::path{path} / "run.h5";
    std::error_code error;
    if (!std::filesystem::exists(master, error)) continue;
    const Result<MasterData> data = read_hdf5_master(master.string());
    if (!data) continue;
    for (const auto& [name, value] : data->identity.options) {
      if (name == "layout") return value;
    }
  }
  return std::nullopt;
}

Result<std::vector<Contract>> contracts_from(const std::string& path) {
  std::vector<Contract> contracts = builtin_contracts();
  if (path.empty()) return contracts;
  const Result<std::string> text = read_file_text(path);
  if (!text) return tl::unexpected(text.error());
  if (Result<void> parsed = parse_contracts(*text, path, contracts); !parsed) {
    return tl::unexpected(parsed.error());
  }
  return contracts;
}

int exit_code_of(const Diagnosis& diagnosis) {
  bool is_incomplete = false;
  for (const Verdict& verdict : diagnosis.verdicts) {
    if (!is_benign(verdict.verdict)) return kExitVerdict;
    is_incomplete = is_incomplete || verdict.verdict == VerdictClass::kIncomplete;
  }
  return is_incomplete ? kExitInconclusive : kExitFine;
}

Result<std::string> in_format(const Diagnosis& diagnosis, const std::string& format) {
  if (format == "text") return diagnosis_text(diagnosis);
  if (format == "json") return diagnosis_json(diagnosis);
  if (format == "dot") return diagnosis_dot(diagnosis);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--format: '{}' is none of text, json, dot", format));
}

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

int diagnose_files(const DiagnoseArguments& arguments) {
  if (const Result<std::string> format =
          in_format(Diagnosis{{Verdict{}}, {}, {}, {}}, arguments.format);
      !format) {
    return report_error(format.error());
  }
  Result<std::vector<Contract>> contracts = contracts_from(arguments.contracts);
  if (!contracts) return report_error(contracts.error());
  const Result<RecordingFiles> files = read_recording_files(arguments.paths);
  if (!files) return report_error(files.error());
  for (const std::string& problem : files->problems) {
    fmt::print(stderr, "radixbench: {}\n", problem);
  }
  std::optional<Layout> layout;
  const std::string spec =
      arguments.layout.empty() ? layout_of_run(arguments.paths).value_or("") : arguments.layout;
  if (spec.empty()) {
    fmt::print(stderr,
               "radixbench: no --layout: groups can't be held against what their sites ask for\n");
  } else {
    Result<Layout> made = make_layout(spec);
    if (!made) return report_error(made.error());
    layout.emplace(std::move(*made));
  }
  const DiagnoseOptions options{.contracts = std::move(*contracts),
                                .layout = layout ? &*layout : nullptr,
                                .late_after_ns = nanoseconds(arguments.late_after_s),
                                .watchdog_ns = nanoseconds(arguments.watchdog_s),
                                .is_live = false};
  const Diagnosis diagnosis = diagnose(files->recordings, options);
  fmt::print("{}", *in_format(diagnosis, arguments.format));
  if (!arguments.reproducer.empty()) {
    std::fflush(stdout);
    const Result<std::string> written =
        write_reproducer(files->recordings, options, diagnosis, arguments.reproducer);
    if (!written) return report_error(written.error());
    fmt::print(stderr, "radixbench: {}\n", *written);
  }
  return exit_code_of(diagnosis);
}

constexpr const char* kExamples =
    R"(PATH is a ring file, a folder of them, or a run's folder (whose layout is then known).

Examples:
  radixbench diagnose runs/last
  radixbench diagnose /dumps --layout sglang:tp=8,cp=2,dp=2 --format json | jq .class
  radixbench diagnose /dumps --layout tp4 --contracts my_sites.txt
  radixbench diagnose runs/last --reproduce hang.scenario
  radixbench diagnose runs/last --format dot | dot -Tsvg > waits.svg

Exit codes: 0 nothing wrong or a late rank, 3 any other verdict, 75 the files cannot show it,
64 usage, 65 no file could be read, 66 no such file, 78 a layout that breaks a rule.)";

}  // namespace

void add_diagnose_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* diagnose_app = app.add_subcommand(
      "diagnose", "Say from recorder files which ranks, at which call, used which group");
  const auto arguments = std::make_shared<DiagnoseArguments>();
  diagnose_app->add_option("PATH", arguments->paths, "Files or folders")->required();
  diagnose_app->add_option("--layout", arguments->layout, "The layout that the ranks had");
  diagnose_app->add_option(
      "--contracts", arguments->contracts, "A file of call sites of your own (docs/diagnose.md)");
  diagnose_app->add_option("--format", arguments->format, "text, json or dot")
      ->capture_default_str();
  diagnose_app->add_option(
      "--watchdog", arguments->watchdog_s, "Seconds after which a watchdog kills the ranks");
  diagnose_app
      ->add_option("--late-after", arguments->late_after_s, "Seconds of waiting that make it late")
      ->capture_default_str();
  diagnose_app->add_option(
      "--reproduce", arguments->reproducer, "Write the shortest scenario that gives the verdict");
  diagnose_app->footer(kExamples);
  commands.push_back({diagnose_app, [arguments] { return diagnose_files(*arguments); }});
}

}  // namespace radixbench

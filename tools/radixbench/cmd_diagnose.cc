#include "cmd_diagnose.h"

#include "exit_codes.h"
#include "reproducer.h"

#include "base/file_text.h"
#include "layout/layout.h"
#include "record/hdf5_master.h"
#include "report/json_sarif.h"
#include "report/json_verdict.h"
#include "report/verdict_text.h"
#include "report/visibility_table.h"
#include "watch/diagnose.h"
#include "watch/recorder_input.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kProblemsShownMax = 20;

struct DiagnoseArguments {
  std::vector<std::string> paths;
  std::string layout;
  std::string contracts;
  std::string reproducer;
  std::string format = "text";
  std::string source_root;
  bool explains = false;
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

Result<std::string> in_format(const Diagnosis& diagnosis, const DiagnoseArguments& arguments) {
  if (arguments.format == "text") return diagnosis_text(diagnosis);
  if (arguments.format == "json") return diagnosis_json(diagnosis);
  if (arguments.format == "dot") return diagnosis_dot(diagnosis);
  if (arguments.format == "sarif") {
    return diagnosis_sarif(diagnosis,
                           {.tool_version = RADIXBENCH_VERSION,
                            .input = arguments.paths.front(),
                            .source_root = arguments.source_root});
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--format: '{}' is none of text, json, dot, sarif", arguments.format));
}

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

// The layout that was told, or that a run's folder knows.
Result<std::optional<Layout>> layout_for(const DiagnoseArguments& arguments) {
  const std::string spec =
      arguments.layout.empty() ? layout_of_run(arguments.paths).value_or("") : arguments.layout;
  if (spec.empty()) return std::optional<Layout>{};
  Result<Layout> made = make_layout(spec);
  if (!made) return tl::unexpected(made.error());
  return std::optional{std::move(*made)};
}

void tell_what_is_missing(const RecorderInput& input, const std::optional<Layout>& layout) {
  const std::size_t shown = std::min(input.problems.size(), kProblemsShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    fmt::print(stderr, "radixbench: {}\n", input.problems[i]);
  }
  if (shown < input.problems.size()) {
    fmt::print(stderr, "radixbench: and {} files more\n", input.problems.size() - shown);
  }
  if (layout) return;
  if (input.has_histories) {
    fmt::print(stderr,
               "radixbench: no --layout: the mesh is inferred from groups' names and members\n");
  }
  if (!input.rings.empty()) {
    fmt::print(stderr,
               "radixbench: no --layout: groups can't be held against what their sites ask for\n");
  }
}

int diagnose_files(const DiagnoseArguments& arguments) {
  if (arguments.explains) {
    fmt::print("{}", visibility_table());
    return kExitFine;
  }
  if (arguments.paths.empty()) {
    return report_error({ErrorCode::kInvalidArgument, "diagnose: PATH is required, or --explain"});
  }
  if (const Result<std::string> format = in_format(Diagnosis{{Verdict{}}, {}, {}, {}}, arguments);
      !format) {
    return report_error(format.error());
  }
  Result<std::vector<Contract>> contracts = contracts_from(arguments.contracts);
  if (!contracts) return report_error(contracts.error());
  const Result<std::optional<Layout>> layout = layout_for(arguments);
  if (!layout) return report_error(layout.error());
  const std::size_t thread_count = std::max(1U, std::thread::hardware_concurrency());
  const Result<RecorderInput> input =
      read_recorder_input(arguments.paths, *layout ? &**layout : nullptr, thread_count);
  if (!input) return report_error(input.error());
  tell_what_is_missing(*input, *layout);
  const DiagnoseOptions options{.contracts = std::move(*contracts),
                                .layout = *layout ? &**layout : nullptr,
                                .late_after_ns = nanoseconds(arguments.late_after_s),
                                .watchdog_ns = nanoseconds(arguments.watchdog_s),
                                .is_live = false};
  const Diagnosis diagnosis = diagnose(*input, options);
  fmt::print("{}", *in_format(diagnosis, arguments));
  if (!arguments.reproducer.empty()) {
    std::fflush(stdout);
    const Result<std::string> written =
        write_reproducer(input->rings, options, diagnosis, arguments.reproducer);
    if (!written) return report_error(written.error());
    fmt::print(stderr, "radixbench: {}\n", *written);
  }
  return exit_code_of(diagnosis);
}

constexpr const char* kExamples =
    R"(PATH is a ring file, a folder of them, or a run's folder (whose layout is then known); or a
dump of PyTorch's flight recorder, pickle or JSON, whose name ends with its rank, or a folder of
them.

Examples:
  radixbench diagnose runs/last
  radixbench diagnose /dumps --layout sglang:tp=8,cp=2,dp=2 --format json | jq .class
  radixbench diagnose /dumps --layout tp4 --contracts my_sites.txt
  radixbench diagnose /tmp/nccl_trace_rank_0 /tmp/nccl_trace_rank_1
  radixbench diagnose /dumps --format sarif --source-root /opt/serving > hang.sarif
  radixbench diagnose --explain
  radixbench diagnose runs/last --reproduce hang.scenario
  radixbench diagnose runs/last --format dot | dot -Tsvg > waits.svg

Exit codes: 0 nothing wrong or a late rank, 3 any other verdict, 75 the files cannot show it,
64 usage, 65 no file could be read, 66 no such file, 78 a layout that breaks a rule.)";

}  // namespace

void add_diagnose_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* diagnose_app = app.add_subcommand(
      "diagnose", "Say from recorder files which ranks, at which call, used which group");
  const auto arguments = std::make_shared<DiagnoseArguments>();
  diagnose_app->add_option("PATH", arguments->paths, "Files or folders");
  diagnose_app->add_option("--layout", arguments->layout, "The layout that the ranks had");
  diagnose_app->add_option(
      "--contracts", arguments->contracts, "A file of call sites of your own (docs/diagnose.md)");
  diagnose_app->add_option("--format", arguments->format, "text, json, dot or sarif")
      ->capture_default_str();
  diagnose_app->add_option(
      "--watchdog", arguments->watchdog_s, "Seconds after which a watchdog kills the ranks");
  diagnose_app
      ->add_option("--late-after", arguments->late_after_s, "Seconds of waiting that make it late")
      ->capture_default_str();
  diagnose_app->add_option(
      "--reproduce", arguments->reproducer, "Write the shortest scenario that gives the verdict");
  diagnose_app->add_option(
      "--source-root", arguments->source_root, "SARIF: what to take away from the files' paths");
  diagnose_app->add_flag(
      "--explain", arguments->explains, "Print what each kind of file can show of each verdict");
  diagnose_app->footer(kExamples);
  commands.push_back({diagnose_app, [arguments] { return diagnose_files(*arguments); }});
}

}  // namespace radixbench

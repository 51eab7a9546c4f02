#include "cmd_gate.h"

#include "exit_codes.h"
#include "gate_inputs.h"
#include "terminal.h"

#include "base/clock.h"
#include "base/file_text.h"
#include "report/baseline_store.h"
#include "report/gate_config.h"
#include "report/gate_markdown.h"
#include "report/gate_text.h"
#include "report/json_gate.h"
#include "report/junit_gate.h"
#include "stats/gate_report.h"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

struct GateArguments {
  GateInputArguments inputs;
  std::string config_path;
  std::optional<std::string> preset;
  std::optional<double> alpha, confidence;
  std::optional<std::size_t> pairs, pairs_max, looks;
  std::vector<std::string> fail_rules, warn_rules, across;
  bool is_conclusion_required = false, may_outnumber_cores = false;
  bool dumps_config = false, is_verbose = false, annotates = false, is_step_summary = false;
  bool is_colour_wanted = false;
  std::string format = "console";
  std::string output_path, markdown_path, json_path, junit_path;
  std::string id = "gate";
};

Result<void> add_rules(const std::vector<std::string>& texts,
                       const char* flag,
                       GateAction action,
                       std::vector<GateRule>& rules) {
  for (const std::string& text : texts) {
    Result<GateRule> rule = parse_gate_rule(text, action);
    if (!rule) return tl::unexpected(std::move(rule).error().while_doing(flag));
    rules.push_back(std::move(*rule));
  }
  return {};
}

// What the command line says.
Result<GateConfig> config_of(const GateArguments& arguments) {
  GateConfig config;
  config.preset = arguments.preset;
  config.alpha = arguments.alpha;
  config.confidence = arguments.confidence;
  config.pairs = arguments.pairs;
  config.pairs_max = arguments.pairs_max;
  config.looks = arguments.looks;
  if (arguments.is_conclusion_required) config.is_conclusion_required = true;
  if (arguments.may_outnumber_cores) config.may_outnumber_cores = true;
  if (!arguments.inputs.baseline_lenient.empty()) config.may_miss = true;
  config.across = arguments.across;
  Result<void> added =
      add_rules(arguments.fail_rules, "--fail-if", GateAction::kFail, config.rules);
  if (added) {
    added = add_rules(arguments.warn_rules, "--warn-if", GateAction::kWarn, config.rules);
  }
  if (!added) return tl::unexpected(added.error());
  return config;
}

Result<GateConfig> config_of_file(const std::string& path) {
  if (path.empty()) return GateConfig{};
  constexpr std::size_t kBytesMax = std::size_t{1} << 20U;
  const Result<std::string> text = read_file_text(path, kBytesMax);
  if (!text) return tl::unexpected(text.error());
  return parse_gate_config(*text, path);
}

// How often `ab` looked while it launched: whoever looks three times has three chances.
GateConfig config_of_launches(const LaunchSet& set) {
  GateConfig config;
  for (const auto& [name, text] : set.about) {
    std::size_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    if (number == 0) continue;
    if (name == "pairs") config.pairs = number;
    if (name == "max_pairs") config.pairs_max = number;
    if (name == "looks") config.looks = number;
  }
  return config;
}

std::string utc_now() {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  constexpr std::int64_t kMsPerS = 1000;
  const std::int64_t ms = wall_clock_ns() / kNsPerMs;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(ms / kMsPerS), ms % kMsPerS);
}

Result<std::string> in_format(const GateReport& report,
                              const std::string& format,
                              const GateArguments& arguments) {
  if (format == "console") {
    const bool is_coloured = arguments.output_path.empty() && arguments.is_colour_wanted;
    return gate_text(report, {arguments.is_verbose, is_coloured});
  }
  if (format == "markdown") {
    GateMarkdownOptions options;
    options.id = arguments.id;
    if (arguments.is_step_summary) options.bytes_max = kStepSummaryBytesMax;
    return gate_markdown(report, options);
  }
  if (format == "json") {
    return gate_json(report, {RADIXBENCH_VERSION, exit_code_of(end_of(report))});
  }
  if (format == "jsonl") {
    return gate_jsonl(report, {RADIXBENCH_VERSION, exit_code_of(end_of(report)), utc_now()});
  }
  if (format == "junit") return gate_junit(report);
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("--format: '{}' is none of console, markdown, json, jsonl, junit", format));
}

Result<void> write_outputs(const GateReport& report, const GateArguments& arguments) {
  const std::pair<const std::string*, const char*> files[] = {
      {&arguments.output_path, arguments.format.c_str()},
      {&arguments.markdown_path, "markdown"},
      {&arguments.json_path, "json"},
      {&arguments.junit_path, "junit"}};
  for (const auto& [path, format] : files) {
    if (path->empty()) continue;
    const Result<std::string> text = in_format(report, format, arguments);
    if (!text) return tl::unexpected(text.error());
    if (Result<void> written = replace_file_text(*path, *text); !written) return written;
  }
  if (!arguments.output_path.empty()) return {};
  const Result<std::string> text = in_format(report, arguments.format, arguments);
  if (!text) return tl::unexpected(text.error());
  fmt::print("{}", *text);
  return {};
}

int dump_config(const GateConfig& config) {
  const Result<GateOptions> options = gate_options(config);
  if (!options) return report_error(options.error());
  fmt::print("{}", gate_config_text(*options));
  return kExitFine;
}

int gate(const GateArguments& arguments) {
  const Result<GateConfig> of_words = config_of(arguments);
  if (!of_words) return report_error(of_words.error());
  const Result<GateConfig> of_file = config_of_file(arguments.config_path);
  if (!of_file) return report_error(of_file.error());
  if (arguments.dumps_config && arguments.inputs.paths.empty()) {
    return dump_config(merged(*of_file, *of_words));
  }
  if (const Result<std::string> format = in_format({}, arguments.format, arguments); !format) {
    return report_error(format.error());
  }
  const Result<GateInputs> inputs = read_gate_inputs(arguments.inputs);
  if (!inputs) return report_error(inputs.error());
  const GateConfig config = merged(merged(*of_file, config_of_launches(inputs->b)), *of_words);
  if (arguments.dumps_config) return dump_config(config);
  const Result<GateOptions> options = gate_options(config);
  if (!options) return report_error(options.error());
  if (!inputs->problem.empty()) {
    fmt::print(stderr, "radixbench: {}\n", inputs->problem);
    return kExitNothingComparable;
  }
  const Result<GateReport> report = judge_launches(inputs->a, inputs->b, *options, inputs->history);
  if (!report) return report_error(report.error());
  for (const std::string& warning : report->warnings) {
    fmt::print(stderr, "radixbench: {}\n", warning);
  }
  if (Result<void> written = write_outputs(*report, arguments); !written) {
    return report_error(written.error());
  }
  if (arguments.annotates) fmt::print(stderr, "{}", gate_annotations(*report));
  return exit_code_of(end_of(*report));
}

constexpr const char* kExamples =
    R"(PATH is what `ab` left (a folder with launches.json), and holds both sides. Two of them are
sets that were not run in turns: A, then B. With a --baseline all are runs to be judged: run
folders, folders of run folders, files of launches; of one with sides say PATH@A or PATH@B.

A rule is METRIC[@STAT][{FIELD=GLOB,...}]:LIMIT[,OPTION...]; the last that matches a cell wins
(docs/gate.md):
  --fail-if 'agreement_per_step_max@p50{tp=4|8}:5%,abs=2us' --fail-if 'wire_ops:exact'

Examples:
  radixbench gate runs/ab
  radixbench gate runs/ab --config gate.toml --markdown comment.md --junit gate.xml
  radixbench gate runs/before runs/after --fail-if 'drain_per_step_max:10%'
  radixbench gate runs/new --baseline main --require-conclusive
  radixbench gate --preset strict --dump-gate-config > gate.toml

Exit codes: 0 no cell that may fail is worse, 1 one is REGRESSED, MISSING, ERROR or
NONDETERMINISTIC, 5 nothing comparable, 75 --require-conclusive and one is INCONCLUSIVE; 64 usage (a
rule that can't be read or matches nothing, too few launches), 65 a file of another form, 66 no such
file, 78 gate.toml.)";

void add_rule_options(CLI::App& app, GateArguments& arguments) {
  app.add_option("--fail-if", arguments.fail_rules, "A rule whose cells fail the gate; repeatable")
      ->expected(1)
      ->take_all();
  app.add_option("--warn-if", arguments.warn_rules, "A rule whose cells are judged and shown")
      ->expected(1)
      ->take_all();
  app.add_option("--preset", arguments.preset, "strict, default, permissive or none");
  app.add_option("--config", arguments.config_path, "A gate.toml");
  app.add_flag("--dump-gate-config", arguments.dumps_config, "Print what is in force as gate.toml");
  app.add_option("--alpha", arguments.alpha, "Chance of a false alarm of the whole gate (0.05)");
  app.add_option("--confidence", arguments.confidence, "Of the intervals shown (0.95)");
  app.add_option("--pairs", arguments.pairs, "Pairs until the first look (10, or as ab was told)");
  app.add_option("--max-pairs", arguments.pairs_max, "Pairs until the last look");
  app.add_option("--looks", arguments.looks, "How often pairs are looked at");
  app.add_option("--across", arguments.across, "A field that A and B may differ in; repeatable")
      ->expected(1)
      ->take_all();
  app.add_flag("--require-conclusive", arguments.is_conclusion_required, "75 where one is missing");
  app.add_flag("--may-outnumber-cores",
               arguments.may_outnumber_cores,
               "Judge times of runs with more ranks than cores");
}

void add_output_options(CLI::App& app, GateArguments& arguments) {
  app.add_option("--format", arguments.format, "console, markdown, json, jsonl or junit")
      ->capture_default_str();
  app.add_option("--output,-o", arguments.output_path, "Where to write it; stdout otherwise");
  app.add_option("--markdown", arguments.markdown_path, "Write Markdown there too");
  app.add_option("--json", arguments.json_path, "Write JSON there too");
  app.add_option("--junit", arguments.junit_path, "Write JUnit XML there too");
  app.add_option("--id", arguments.id, "Of the Markdown's hidden marker")->capture_default_str();
  app.add_flag("--step-summary",
               arguments.is_step_summary,
               "Markdown may be as long as a step's summary, not a comment");
  app.add_flag("--annotations", arguments.annotates, "GitHub workflow commands on stderr");
  app.add_flag("--verbose,-v", arguments.is_verbose, "Show PASS too");
}

}  // namespace

void add_gate_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* gate_app = app.add_subcommand("gate", "Whether launches got worse, as an exit code");
  const auto arguments = std::make_shared<GateArguments>();
  arguments->inputs.directory = kBaselineDirectory;
  gate_app->add_option("PATH", arguments->inputs.paths, "What is judged");
  gate_app->add_option("--baseline", arguments->inputs.baseline, "NAME or NAME@ENTRY: judge by it");
  gate_app->add_option(
      "--baseline-lenient", arguments->inputs.baseline_lenient, "The same; cells may be missing");
  gate_app->add_option("--dir", arguments->inputs.directory, "Where baselines are")
      ->capture_default_str();
  gate_app->add_option(
      "--base", arguments->inputs.base, "The branch that this is to be merged into");
  add_rule_options(*gate_app, *arguments);
  add_output_options(*gate_app, *arguments);
  gate_app->footer(kExamples);
  commands.push_back({gate_app, [arguments, gate_app] {
                        arguments->is_colour_wanted = is_colour_wanted(*gate_app);
                        return gate(*arguments);
                      }});
}

}  // namespace radixbench

#include "cmd_sweep.h"

#include "arguments.h"
#include "exit_codes.h"
#include "own_program.h"
#include "replay_arguments.h"
#include "replay_words.h"
#include "sweep_estimate.h"
#include "sweep_session.h"

#include "report/json_sweep.h"
#include "report/sweep_table.h"
#include "report/text_table.h"
#include "study/shell_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sched.h>

namespace radixbench {
namespace {

struct SweepArguments {
  ReplayArguments replay;
  std::vector<std::string> axes, skip_rules;
  std::uint32_t ranks_max = 0;  // 0: no bound
  std::string timeout = "1h";
  std::string format = "table";
  std::string keep_runs = "all";
  bool is_dry = false, resumes = false;
};

constexpr std::array<std::string_view, 5> kFormats = {"table", "csv", "json", "markdown", "md"};

std::uint32_t cores_allowed() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&cores)));
}

// Axes by the names that people use for them.
void name_as_option(Axis& axis) {
  if (axis.name == "policy") axis.name = "prefetch-policy";
}

Result<void> check_axis(const Axis& axis, const CLI::App& app) {
  const auto known = replay_defaults();
  const auto is_it = [&](const auto& option) { return option.first == axis.name; };
  if (!is_layout_axis(axis.name) && std::none_of(known.begin(), known.end(), is_it)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--axis {}: a replay has no option --{}; tp, cp, dp and pp make up a "
                            "layout",
                            axis.name,
                            axis.name));
  }
  const std::string option = is_layout_axis(axis.name) ? "layout" : axis.name;
  const std::string flag = option == "trace" ? "TRACE" : "--" + option;
  if (app.count(flag) > 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--axis {} and {} both say what it is", axis.name, flag));
  }
  return {};
}

Result<SweepDefinition> define(const SweepArguments& arguments, const CLI::App& app) {
  SweepDefinition sweep;
  if (arguments.axes.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a sweep needs at least one --axis name=values");
  }
  for (const std::string& text : arguments.axes) {
    Result<Axis> axis = parse_axis(text);
    if (!axis) return tl::unexpected(axis.error());
    name_as_option(*axis);
    if (Result<void> fine = check_axis(*axis, app); !fine) return tl::unexpected(fine.error());
    sweep.axes.push_back(std::move(*axis));
  }
  for (const std::string& text : arguments.skip_rules) {
    Result<SkipRule> rule = SkipRule::parse(text);
    if (!rule) return tl::unexpected(rule.error());
    sweep.skip_rules.push_back(std::move(*rule));
  }
  for (auto& [name, value] : replay_defaults()) {
    const CLI::Option* option = app.get_option_no_throw(name == "trace" ? "TRACE" : "--" + name);
    const bool is_given = option != nullptr && option->count() > 0;
    sweep.options.emplace_back(name, is_given ? option->results().front() : value);
  }
  if (arguments.ranks_max > 0) sweep.ranks_max = arguments.ranks_max;
  sweep.cores = cores_allowed();
  return sweep;
}

// Cells whose options don't go together are skipped; a value that no replay takes is an error.
Result<void> skip_impossible(SweepPlan& plan) {
  for (SweepCell& cell : plan.cells) {
    if (!cell.skip_reason.empty()) continue;
    const Result<ReplayOptions> options = check_words(words_of_cell(plan, cell));
    if (!options && options.error().code != ErrorCode::kConfiguration &&
        options.error().code != ErrorCode::kUnsupported) {
      return tl::unexpected(options.error());
    }
    if (!options) {
      cell.skip_reason = options.error().message;
      continue;
    }
    std::error_code error;
    if (!std::filesystem::is_regular_file(options->trace_path, error)) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: no such file", options->trace_path));
    }
  }
  return {};
}

void warn_of_idle_rules(const SweepDefinition& sweep, const std::vector<SweepCell>& cells) {
  for (const SkipRule& rule : sweep.skip_rules) {
    const auto by_it = [&](const SweepCell& cell) {
      return cell.skip_reason == "--skip-if " + rule.text();
    };
    if (std::none_of(cells.begin(), cells.end(), by_it)) {
      fmt::print(stderr, "radixbench: --skip-if {} skips no cell\n", rule.text());
    }
  }
}

Result<SweepPlan> make_sweep_plan(const SweepArguments& arguments, const CLI::App& app) {
  const Result<SweepDefinition> sweep = define(arguments, app);
  if (!sweep) return tl::unexpected(sweep.error());
  Result<std::vector<SweepCell>> cells = expand_cells(*sweep);
  if (!cells) return tl::unexpected(cells.error());
  const Result<std::chrono::nanoseconds> timeout = parse_duration("--timeout", arguments.timeout);
  if (!timeout) return tl::unexpected(timeout.error());
  if (arguments.keep_runs != "all" && arguments.keep_runs != "none") {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--keep-runs '{}' is none of all, none", arguments.keep_runs));
  }
  if (std::find(kFormats.begin(), kFormats.end(), arguments.format) == kFormats.end()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--format '{}' is none of table, csv, json, markdown", arguments.format));
  }
  if (arguments.resumes && arguments.replay.output.empty()) {
    return fail(ErrorCode::kInvalidArgument, "--resume needs the -o of the sweep that goes on");
  }
  SweepPlan plan{
      .folder = arguments.replay.output.empty() ? new_folder("sweep") : arguments.replay.output,
      .options = given_words(app),
      .cells = std::move(*cells),
      .timeout = *timeout,
      .keeps_runs = arguments.keep_runs == "all"};
  if (Result<void> fine = skip_impossible(plan); !fine) return tl::unexpected(fine.error());
  warn_of_idle_rules(*sweep, plan.cells);
  return plan;
}

std::string values_text(const std::vector<std::pair<std::string, std::string>>& values) {
  std::string text;
  for (const auto& [name, value] : values) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  }
  return text;
}

void print_result(const SweepState& state, const std::string& format) {
  if (format == "csv")
    fmt::print("{}", sweep_csv(state));
  else if (format == "json")
    fmt::print("{}", sweep_json(state));
  else if (format == "markdown" || format == "md")
    fmt::print("{}", sweep_markdown(state));
  else
    fmt::print("{}", sweep_table(state));
}

// The first that applies, as of a replay; skipped cells are as they should be.
int exit_code_of(const SweepState& state) {
  constexpr std::array<int, 4> kFirst = {kExitBug, kExitDiverged, kExitVerdict, kExitDeadline};
  std::vector<int> codes;
  for (const SweptCell& cell : state.cells) {
    // A run without an exit code was killed: to a sweep that is a rank set that died.
    if (cell.progress == CellProgress::kFailed) {
      codes.push_back(cell.exit_code > 0 ? cell.exit_code : int{kExitDeadline});
    }
  }
  for (const int code : kFirst) {
    if (std::find(codes.begin(), codes.end(), code) != codes.end()) return code;
  }
  if (!codes.empty()) return codes.front();
  const bool is_empty = state.count(CellProgress::kSkipped) == state.cells.size();
  return is_empty ? kExitConfiguration : kExitFine;
}

int list_cells(const SweepPlan& plan, const SweepState& state, ChildRunner& runner) {
  const Result<SweepEstimate> estimate = estimate_sweep(plan, state, runner);
  if (!estimate) return report_error(estimate.error());
  TextTable table{{"cell", "ranks", "estimate", ""}};
  double seconds = 0;
  for (std::size_t number = 0; number < plan.cells.size(); ++number) {
    const SweepCell& cell = plan.cells[number];
    const bool is_pending = state.cells[number].progress == CellProgress::kPending;
    if (is_pending) seconds += estimate->seconds[number].value_or(0);
    table.add({fmt::format("{} {}", number, values_text(cell.values)),
               cell.ranks > 0 ? std::to_string(cell.ranks) : "-",
               is_pending ? fmt::format("{:.1f} s", estimate->seconds[number].value_or(0)) : "-",
               std::string{to_string(state.cells[number].progress)}});
  }
  fmt::print("{}\n", table.text(0));
  for (const SweepCell& cell : plan.cells) {
    if (!cell.skip_reason.empty())
      fmt::print("cell {} skipped: {}\n", cell.number, cell.skip_reason);
  }
  fmt::print("{} cells: {} to run, {} done, {} failed, {} skipped; about {:.0f} s, {}\n",
             state.cells.size(),
             state.count(CellProgress::kPending),
             state.count(CellProgress::kDone),
             state.count(CellProgress::kFailed),
             state.count(CellProgress::kSkipped),
             seconds,
             estimate->source);
  return kExitFine;
}

int run_all(const SweepPlan& plan,
            SweepState state,
            ChildRunner& runner,
            const std::string& format) {
  std::size_t ended = state.cells.size() - state.count(CellProgress::kPending);
  const Result<void> ran = run_cells(plan, state, runner, [&](std::size_t number) {
    const SweptCell& cell = state.cells[number];
    fmt::print(stderr,
               "{} of {} cells: {}: {}, {:.1f} s{}{}\n",
               ++ended,
               state.cells.size(),
               values_text(cell.values),
               to_string(cell.progress),
               cell.seconds,
               cell.reason.empty() ? "" : ": ",
               cell.reason);
  });
  if (!ran) return report_error(ran.error());
  print_result(state, format);
  std::fflush(stdout);
  if (const std::optional<int> signal = runner.interrupted_by()) {
    fmt::print(stderr,
               "radixbench: interrupted; the same command with -o {} --resume goes on\n",
               plan.folder);
    return 128 + *signal;
  }
  fmt::print(stderr, "sweep in {}\n", plan.folder);
  return exit_code_of(state);
}

int sweep(const SweepArguments& arguments, const CLI::App& app) {
  Result<SweepPlan> plan = make_sweep_plan(arguments, app);
  if (!plan) return report_error(plan.error());
  Result<SweepState> state = arguments.resumes ? resumed_state(*plan) : new_state(*plan);
  if (!state) return report_error(state.error());
  const std::unique_ptr<ChildRunner> runner = ChildRunner::make();
  if (arguments.is_dry) return list_cells(*plan, *state, *runner);
  if (!arguments.resumes) {
    if (Result<void> made = make_folder(*plan); !made) return report_error(made.error());
  }
  return run_all(*plan, std::move(*state), *runner, arguments.format);
}

constexpr const char* kExamples =
    R"(An axis is an option of `replay` and its values: between commas, or between semicolons where
a value has commas in it; [1:4:1] counts, [pow2]=[3:6] is 8 to 64. tp, cp, dp and pp make up a
layout. Each combination is a cell, each cell a replay in a process of its own, in the folder of
-o. One that fails doesn't stop the others; --skip-if leaves cells out, as do layouts that break a
rule and options that don't go together, each with its reason.

Examples:
  radixbench sweep --axis layout=tp8,tp4cp2,tp2cp4 --axis agreement=hardcoded_tp,attn_groups \
      traces/sample_400.jsonl --device-tokens 60k --host-tokens 120k
  radixbench sweep --axis 'layout=[tp8;sglang:tp=8,cp=2,dp=2]' TRACE --dry-run
  radixbench sweep --axis tp=[1,2,4] --axis cp=[1:2] --skip-if 'tp*cp>4' TRACE -o runs/sizes
  (and the same with --resume after an interruption)

Exit codes: 0 every cell is done or skipped; else the first that a cell ended with of 70, 4 (ranks
diverged), 3, 124, others; 78 all cells are skipped, or --resume finds another sweep; 73 -o holds
one; 130/143 interrupted.)";

}  // namespace

void add_sweep_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* sweep_app = app.add_subcommand("sweep", "Replay over all combinations of options");
  const auto arguments = std::make_shared<SweepArguments>();
  sweep_app
      ->add_option("--axis", arguments->axes, "name=values, e.g. layout=tp8,tp4cp2; repeatable")
      ->allow_extra_args(false);
  sweep_app
      ->add_option("--skip-if",
                   arguments->skip_rules,
                   "Leave cells out where this holds, e.g. 'tp*cp>8'; repeatable")
      ->allow_extra_args(false);
  sweep_app->add_option("--world", arguments->ranks_max, "Skip cells with more ranks than this");
  sweep_app->add_flag("--dry-run", arguments->is_dry, "List the cells and how long they may take");
  sweep_app->add_flag("--resume", arguments->resumes, "Go on in -o; cells that ended aren't rerun");
  sweep_app->add_option("--timeout", arguments->timeout, "Of a cell")->capture_default_str();
  sweep_app->add_option("--keep-runs", arguments->keep_runs, "all or none: folders of the cells")
      ->capture_default_str();
  sweep_app->add_option("--format", arguments->format, "table, csv, json or markdown")
      ->capture_default_str();
  add_replay_options(*sweep_app, arguments->replay);
  sweep_app->footer(kExamples);
  commands.push_back({sweep_app, [sweep_app, arguments] { return sweep(*arguments, *sweep_app); }});
}

}  // namespace radixbench

#include "cmd_ab.h"

#include "ab_session.h"
#include "arguments.h"
#include "exit_codes.h"
#include "own_program.h"
#include "replay_arguments.h"
#include "replay_words.h"

#include "report/gate_text.h"
#include "report/text_table.h"
#include "stats/gate_report.h"
#include "study/shell_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kPairsMax = 100'000;
// A few pages: beyond it a larger environment moves the stack nowhere new.
constexpr std::size_t kPaddingMax = 65'536;

struct AbArguments {
  ReplayArguments replay;
  std::string a_words, b_words, a_binary, b_binary;
  std::size_t pairs = 10, pairs_max = 0, looks = 0;  // 0: as the others say
  bool has_self_check = false, resumes = false, gates = false;
  std::size_t padding_max = 4096, warmups = 1;
  std::string timeout = "10m";
  std::string keep_runs = "none";
  std::vector<std::string> fail_rules, warn_rules;
  std::string preset = "default";
  bool is_conclusion_required = false, may_outnumber_cores = false;
};

Result<GateOptions> gate_options(const AbArguments& arguments) {
  GateOptions options;
  const Result<GatePreset> preset = parse_preset(arguments.preset);
  if (!preset) return tl::unexpected(preset.error());
  options.rules = preset_rules(*preset);
  for (const auto& [texts, action] : {std::pair{&arguments.fail_rules, GateAction::kFail},
                                      std::pair{&arguments.warn_rules, GateAction::kWarn}}) {
    for (const std::string& text : *texts) {
      Result<GateRule> rule = parse_gate_rule(text, action);
      if (!rule) return tl::unexpected(rule.error());
      options.rules.push_back(std::move(*rule));
    }
  }
  options.pairs = arguments.pairs;
  options.pairs_max = arguments.pairs_max > 0 ? arguments.pairs_max : arguments.pairs;
  const std::size_t looks = (options.pairs_max + options.pairs - 1) / options.pairs;
  options.looks = arguments.looks > 0 ? arguments.looks : looks;
  options.is_conclusion_required = arguments.is_conclusion_required;
  options.may_outnumber_cores = arguments.may_outnumber_cores;
  return options;
}

Result<void> check_counts(const AbArguments& arguments) {
  const auto refuse = [](std::string what) {
    return fail(ErrorCode::kInvalidArgument, std::move(what));
  };
  if (arguments.pairs < 1 || arguments.pairs > kPairsMax || arguments.pairs_max > kPairsMax) {
    return refuse(fmt::format("--pairs and --max-pairs are 1 to {}", kPairsMax));
  }
  if (arguments.pairs_max > 0 && arguments.pairs_max < arguments.pairs) {
    return refuse(
        fmt::format("--max-pairs {} is below --pairs {}", arguments.pairs_max, arguments.pairs));
  }
  const std::size_t pairs_max = std::max(arguments.pairs, arguments.pairs_max);
  if (arguments.looks > 1 && pairs_max == arguments.pairs) {
    return refuse("--looks needs a --max-pairs above --pairs: there is only one look");
  }
  if (arguments.looks == 1 && pairs_max > arguments.pairs) {
    return refuse("--looks 1 and --max-pairs above --pairs: the look at --pairs would not be one");
  }
  if (arguments.looks > pairs_max) return refuse("--looks: more than there are pairs");
  if (arguments.padding_max > kPaddingMax) {
    return refuse(fmt::format("--env-padding is at most {}", kPaddingMax));
  }
  if (arguments.resumes && arguments.replay.output.empty()) {
    return refuse("--resume needs the -o of the comparison that goes on");
  }
  return {};
}

Result<AbSide> make_side(const std::string& binary,
                         const std::string& own_words,
                         const std::vector<std::string>& common) {
  AbSide side;
  side.name = binary.empty() ? "radixbench" : binary;
  side.program = own_program();
  if (!binary.empty()) {
    std::error_code error;
    side.program = std::filesystem::absolute(binary, error).string();
  }
  const Result<std::vector<std::string>> words = split_shell_words(own_words);
  if (!words) return tl::unexpected(words.error());
  side.words = overridden(common, *words);
  Result<std::string> sha256 = sha256_of_file(side.program);
  if (!sha256) return tl::unexpected(sha256.error());
  side.sha256 = std::move(*sha256);
  // Another program may have other options; it will say so itself.
  if (!binary.empty()) return side;
  const Result<ReplayOptions> options = check_words(side.words);
  if (!options) return tl::unexpected(options.error());
  return side;
}

Result<KeptRuns> parse_kept(const std::string& text) {
  if (text == "none") return KeptRuns::kNone;
  if (text == "last") return KeptRuns::kLast;
  if (text == "all") return KeptRuns::kAll;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--keep-runs '{}' is none of none, last, all", text));
}

Result<AbPlan> make_ab_plan(const AbArguments& arguments,
                            const GateOptions& gate,
                            const CLI::App& app) {
  const std::vector<std::string> common = given_words(app);
  AbPlan plan;
  Result<AbSide> a = make_side(arguments.a_binary, arguments.a_words, common);
  if (!a) return tl::unexpected(std::move(a.error()).while_doing("A"));
  Result<AbSide> b = make_side(arguments.b_binary, arguments.b_words, common);
  if (!b) return tl::unexpected(std::move(b.error()).while_doing("B"));
  const Result<std::chrono::nanoseconds> timeout = parse_duration("--timeout", arguments.timeout);
  if (!timeout) return tl::unexpected(timeout.error());
  const Result<KeptRuns> kept = parse_kept(arguments.keep_runs);
  if (!kept) return tl::unexpected(kept.error());
  plan.folder = arguments.replay.output.empty() ? new_folder("ab") : arguments.replay.output;
  plan.a = std::move(*a);
  plan.b = std::move(*b);
  plan.seed = arguments.replay.seed;
  plan.pairs = gate.pairs;
  plan.pairs_max = gate.pairs_max;
  plan.looks = gate.looks;
  plan.look_sizes = look_sizes(gate, gate.pairs_max);
  plan.has_self_check = arguments.has_self_check;
  plan.padding_max = arguments.padding_max;
  plan.warmups = arguments.warmups;
  plan.timeout = *timeout;
  plan.keeps = *kept;
  return plan;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string value_text(const LaunchCell& cell, double value) {
  return cell.unit == "ns" ? duration_text(value) : ratio_text(value);
}

// Medians of launches, where there are too few of them for a verdict.
std::string medians_text(const LaunchSet& set) {
  struct Sides {
    const LaunchCell* cell = nullptr;
    std::vector<double> a, b;
  };
  std::map<std::pair<std::string, std::string>, Sides> cells;
  for (const Launch& launch : set.launches) {
    if (!launch.failure.empty()) continue;
    for (const LaunchCell& cell : launch.cells) {
      Sides& sides = cells[{cell.key.metric, cell.key.stat}];
      sides.cell = &cell;
      (launch.side == LaunchSide::kB ? sides.b : sides.a).push_back(cell.value);
    }
  }
  TextTable table{{"median of launches", "A", "B", "B / A"}};
  for (const auto& [name, sides] : cells) {
    const bool is_default = name.second == "p50" || name.second == "total";
    if (!is_default || sides.a.empty() || sides.b.empty()) continue;
    const double a = median(sides.a);
    const double b = median(sides.b);
    table.add({name.first + "@" + name.second,
               value_text(*sides.cell, a),
               value_text(*sides.cell, b),
               a > 0 ? fmt::format("{:.3f}x", b / a) : "-"});
  }
  return table.text(0);
}

int report_launches(const LaunchSet& set,
                    const GateOptions& options,
                    const AbPlan& plan,
                    bool gates) {
  const Result<GateReport> report = judge_launches(set, options);
  const std::string next = fmt::format("next: radixbench gate {}\n", plan.folder);
  if (!report) {
    fmt::print("{}{}", medians_text(set), gates ? "" : next);
    std::fflush(stdout);
    fmt::print(stderr, "radixbench: no verdict: {}\n", report.error().message);
    return gates ? int{exit_code_of(report.error().code)} : int{kExitFine};
  }
  fmt::print("{}{}", gate_text(*report, {}), gates ? "" : next);
  return gates ? exit_code_of(end_of(*report)) : int{kExitFine};
}

void show_pair(std::size_t done, std::size_t scheduled, const Launch& first, const Launch& second) {
  const auto text = [](const Launch& launch) {
    return fmt::format("{}{}",
                       to_string(launch.side),
                       launch.failure.empty() ? "" : " failed (" + launch.failure + ")");
  };
  fmt::print(stderr, "{} of {} pairs: {}, {}\n", done, scheduled, text(first), text(second));
}

int compare_sides(const AbArguments& arguments, const CLI::App& app) {
  if (Result<void> fine = check_counts(arguments); !fine) return report_error(fine.error());
  const Result<GateOptions> options = gate_options(arguments);
  if (!options) return report_error(options.error());
  const Result<AbPlan> plan = make_ab_plan(arguments, *options, app);
  if (!plan) return report_error(plan.error());
  Result<LaunchSet> set = arguments.resumes ? resumed_launches(*plan) : new_launches(*plan);
  if (!set) return report_error(set.error());
  if (!arguments.resumes) {
    if (Result<void> made = make_ab_folder(*plan); !made) return report_error(made.error());
  }
  const std::unique_ptr<ChildRunner> runner = ChildRunner::make();
  const AbCallbacks callbacks{.paired = show_pair, .is_decided = [&](const LaunchSet& so_far) {
                                const Result<GateReport> report = judge_launches(so_far, *options);
                                return report && is_decided(*report);
                              }};
  const Result<void> made = make_launches(*plan, *set, *runner, callbacks);
  if (!made) return report_error(made.error());
  if (const std::optional<int> signal = runner->interrupted_by()) {
    fmt::print(stderr,
               "radixbench: interrupted after {} launches; the same command with -o {} --resume "
               "goes on\n",
               set->launches.size(),
               plan->folder);
    return 128 + *signal;
  }
  return report_launches(*set, *options, *plan, arguments.gates);
}

constexpr const char* kExamples =
    R"(Launches of A and B run in pairs whose order alternates, AB BA AB ...; each is a replay of
its own, and one launch gives one value of each cell. Options of `replay` are both sides' own;
--a and --b add to them, or stand in their place. launches.json in the folder of -o is written
after each pair. It describes: the exit code carries a verdict only with --gate.

Examples:
  radixbench ab traces/sample_400.jsonl --layout tp1cp2 --a '--agreement hardcoded_tp' \
      --b '--agreement attn_groups' -o runs/ab && radixbench gate runs/ab
  radixbench ab TRACE --layout tp2 --a-binary main/radixbench --b-binary change/radixbench \
      --pairs 10 --max-pairs 30 --self-check -o runs/change
  radixbench ab TRACE --layout tp2 --pairs 20 -o runs/aa      (A against itself)

Exit codes: 0 launches were made, whatever they say; with --gate those of `gate`; 64 to 78 what
can't be launched at all; 73 -o holds launches already; 130/143 interrupted.)";

void add_ab_options(CLI::App& app, AbArguments& arguments) {
  const auto option = [&](const char* name, auto& target, const char* help) {
    return app.add_option(name, target, help)->capture_default_str();
  };
  app.add_option("--a", arguments.a_words, "Options of A, as one word");
  app.add_option("--b", arguments.b_words, "Options of B, as one word");
  app.add_option("--a-binary", arguments.a_binary, "Program of A [this one]");
  app.add_option("--b-binary", arguments.b_binary, "Program of B [this one]");
  option("--pairs", arguments.pairs, "Pairs of launches before the first look");
  app.add_option("--max-pairs", arguments.pairs_max, "Pairs at most [--pairs]");
  app.add_option("--looks", arguments.looks, "Looks up to --max-pairs [each --pairs]");
  app.add_flag("--self-check", arguments.has_self_check, "A against A, each two pairs");
  option("--env-padding", arguments.padding_max, "Bytes of environment, drawn a launch; 0: none");
  option("--warmup", arguments.warmups, "Launches a side beforehand that count for nothing");
  option("--timeout", arguments.timeout, "Of a launch");
  option("--keep-runs", arguments.keep_runs, "none, last or all; those that failed are kept");
  app.add_flag("--resume", arguments.resumes, "Go on with the launches in -o");
  app.add_flag("--gate", arguments.gates, "Judge at once, with the exit codes of `gate`");
  option("--preset", arguments.preset, "Rules of the gate: strict, default or permissive");
  app.add_option("--fail-if", arguments.fail_rules, "A rule of the gate; repeatable")
      ->allow_extra_args(false);
  app.add_option("--warn-if", arguments.warn_rules, "A rule of the gate; repeatable")
      ->allow_extra_args(false);
  app.add_flag("--require-conclusive", arguments.is_conclusion_required, "75 where one is missing");
  app.add_flag("--may-outnumber-cores",
               arguments.may_outnumber_cores,
               "Judge times of runs with more ranks than cores");
}

}  // namespace

void add_ab_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* ab_app = app.add_subcommand("ab", "Two programs or option sets, launched in turn");
  const auto arguments = std::make_shared<AbArguments>();
  add_ab_options(*ab_app, *arguments);
  add_replay_options(*ab_app, arguments->replay);
  ab_app->footer(kExamples);
  commands.push_back({ab_app, [ab_app, arguments] { return compare_sides(*arguments, *ab_app); }});
}

}  // namespace radixbench

#include "cmd_layout_check.h"

#include "exit_codes.h"
#include "sites_table.h"

#include "report/json_verdict.h"
#include "watch/group_check.h"
#include "watch/import_groups.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {
namespace {

constexpr double kWatchdogSecondsMax = 1e9;
constexpr double kNsPerSecond = 1e9;

struct CheckOptions {
  std::vector<std::string> paths;
  std::string spec;
  double watchdog_s = 0;
  std::string format = "text";
};

tl::unexpected<Error> wrong_option(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

Result<void> check_options(const CheckOptions& options) {
  if (options.format != "text" && options.format != "json") {
    return wrong_option(fmt::format("--format: '{}' is neither text nor json", options.format));
  }
  if (!(options.watchdog_s >= 0 && options.watchdog_s <= kWatchdogSecondsMax)) {
    return wrong_option(
        fmt::format("--watchdog: {} is no number of seconds from 0 to 1e9", options.watchdog_s));
  }
  return {};
}

std::string group_words(const Verdict& verdict) {
  if (verdict.actual_group.empty() && verdict.expected_group.empty()) return "";
  if (verdict.actual_group.empty()) return fmt::format(", {}", verdict.expected_group);
  if (verdict.expected_group.empty()) return fmt::format(", {}", verdict.actual_group);
  return fmt::format(", {} where {} is meant", verdict.actual_group, verdict.expected_group);
}

void print_finding(const Verdict& verdict) {
  if (verdict.verdict == VerdictClass::kNone) {
    fmt::print("none: every list is what it should be\n");
    return;
  }
  const bool is_missing = verdict.verdict == VerdictClass::kIncomplete;
  fmt::print("{}: {} {}{}\n",
             to_string(verdict.verdict),
             is_missing ? "no list of ranks" : "ranks",
             ranks_text(is_missing ? verdict.missing_dumps : verdict.culprit_ranks),
             group_words(verdict));
  for (const std::string& line : verdict.evidence) fmt::print("  {}\n", line);
  if (!verdict.advice.empty()) fmt::print("  to change: {}\n", verdict.advice);
}

int exit_code_of(const Diagnosis& diagnosis) {
  const auto is_wrong = [](const Verdict& verdict) { return !is_benign(verdict.verdict); };
  if (std::ranges::any_of(diagnosis.verdicts, is_wrong)) return kExitVerdict;
  const bool is_fine = diagnosis.verdicts.front().verdict == VerdictClass::kNone;
  return is_fine ? kExitFine : kExitInconclusive;
}

int check(const CheckOptions& options) {
  if (const Result<void> valid = check_options(options); !valid) return report_error(valid.error());
  const Result<Layout> layout = make_layout(options.spec);
  if (!layout) return report_error(layout.error());
  const Result<std::vector<GroupList>> lists = read_group_lists(options.paths);
  if (!lists) return report_error(lists.error());
  const Diagnosis diagnosis = check_groups(
      *lists, {.layout = &*layout, .watchdog_ns = std::llround(options.watchdog_s * kNsPerSecond)});
  if (options.format == "json") {
    fmt::print("{}\n", diagnosis_json(diagnosis));
  } else {
    std::size_t group_count = 0;
    for (const GroupList& list : *lists) group_count += list.groups.size();
    fmt::print("{} groups in {} {}, against {}\n",
               group_count,
               lists->size(),
               lists->size() == 1 ? "list" : "lists",
               layout->spec());
    for (const Verdict& verdict : diagnosis.verdicts) print_finding(verdict);
  }
  return exit_code_of(diagnosis);
}

constexpr const char* kExamples =
    R"(PATH is a list of groups in JSON (docs/formats/groups.md has five lines of Python that print
one), a ring of radixbench, or a folder of either. Checked: members share a group with the same
ranks in the same order, names and ordinals mean one group, creation orders agree, the lists of a
kind share no rank and leave none out, each is what the layout says, timeouts end before the
watchdog's.

Examples:
  radixbench layout check groups.*.json --layout sglang:tp=8,cp=2,dp=2
  radixbench layout check groups/ --layout tp2cp2dp2 --watchdog 300
  radixbench layout check radixbench-runs/RUN_ID --layout tp4cp2 --format json | jq .class

Exit codes: 0 fine, 3 a finding, 75 ranks are missing and nothing else is found, 64 usage, 65 a list
that can't be read (FILE:BYTE: field: what is wrong), 66 no such file, 78 a layout that breaks a
rule of the engine.)";

}  // namespace

void add_layout_check_command(CLI::App& layout, std::vector<Command>& commands) {
  CLI::App* app = layout.add_subcommand("check", "A program's groups against a layout");
  const auto options = std::make_shared<CheckOptions>();
  app->add_option("PATH", options->paths, "Lists of groups, rings, or folders of them")->required();
  app->add_option("--layout", options->spec, "The layout that was meant")->required();
  app->add_option("--watchdog", options->watchdog_s, "Seconds that no group's timeout may exceed");
  app->add_option("--format", options->format, "text or json")->capture_default_str();
  app->footer(kExamples);
  commands.push_back({app, [options] { return check(*options); }});
}

}  // namespace radixbench

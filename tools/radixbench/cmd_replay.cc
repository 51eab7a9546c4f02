#include "cmd_replay.h"

#include "cmd_scenario.h"
#include "exit_codes.h"
#include "launched_replay.h"
#include "progress_line.h"
#include "replay_arguments.h"
#include "replay_report.h"
#include "source_revision.h"

#include "inject/fault_spec.h"
#include "replay/replay.h"
#include "report/verdict_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace radixbench {
namespace {

int exit_code_of(const Outcome& outcome) {
  switch (outcome.end) {
    case RunEnd::kFine: return kExitFine;
    case RunEnd::kCheckFailed: return kExitBug;
    case RunEnd::kDiverged: return kExitDiverged;
    case RunEnd::kVerdict: return kExitVerdict;
    case RunEnd::kDeadline: return kExitDeadline;
    case RunEnd::kInterrupted: return outcome.signal == SIGTERM ? 143 : kExitInterrupted;
    case RunEnd::kFailed: return exit_code_of(outcome.code);
  }
  return kExitBug;
}

// The diagnosis of a run that went wrong, or could have.
std::string diagnosis_section(const ReplayResult& result) {
  const bool is_silent = std::ranges::all_of(
      result.diagnosis.verdicts, [](const Verdict& verdict) { return is_benign(verdict.verdict); });
  if (is_silent && result.outcome.end != RunEnd::kDeadline) return {};
  return "\ndiagnosis\n" + diagnosis_text(result.diagnosis);
}

int run_as_supervisor(ReplayOptions options, const ReplayLaunch& launch, ProgressStyle style) {
  const Result<ReplayPlan> plan = make_plan(std::move(options));
  if (!plan) return report_error(plan.error());
  for (const std::string& warning : plan->trace.warnings) {
    fmt::print(stderr, "radixbench: {}: {}\n", plan->trace.path, warning);
  }
  ProgressLine progress{style};
  Result<ReplayResult> result =
      replay(*plan,
             {.progressed = [&](const ReplayProgress& now) { progress.show(now); },
              .found =
                  [&](const Verdict& verdict) {
                    progress.clear();
                    fmt::print(stderr, "radixbench: {}\n", verdict_line(verdict));
                  },
              .asked =
                  [&](const Diagnosis& now) {
                    progress.clear();
                    fmt::print(stderr, "{}", waits_text(now));
                  }},
             launch);
  progress.clear();
  if (!result) return report_error(result.error());
  fmt::print("{}{}", replay_table(*plan, *result), diagnosis_section(*result));
  std::fflush(stdout);
  for (const std::string& message : result->outcome.messages) {
    fmt::print(stderr, "radixbench: {}\n", message);
  }
  return exit_code_of(result->outcome);
}

int run_replay(const ReplayArguments& arguments, NamedValues as_text, ProgressStyle style) {
  Result<ReplayOptions> options = resolve(arguments);
  if (!options) return report_error(options.error());
  options->as_text = std::move(as_text);
  options->build = source_revision();
  return run_launched(*std::move(options),
                      arguments.launch,
                      [style](ReplayOptions launched, const ReplayLaunch& launch) {
                        return run_as_supervisor(std::move(launched), launch, style);
                      });
}

int list_faults() {
  for (const std::string& line : describe_faults()) fmt::print("{}\n", line);
  return kExitFine;
}

constexpr const char* kExamples =
    R"(Examples:
  radixbench replay traces/sample_400.jsonl --layout tp4cp2 --device-tokens 60k --host-tokens 120k
  radixbench replay --scenario tests/data/scenarios/F04.skipped_call.scenario
  radixbench replay traces/sample_400.jsonl --layout sglang:tp=8,cp=2,dp=2 \
      --agreement hardcoded_tp --skew storage:cp=1,+40ms

SIGUSR1 to the tool prints which ranks wait for whom, and the run goes on.

Exit codes: 0 fine, 4 ranks of a replica diverged, 3 the recorder shows a wrong group or call, 124
a deadline passed or a rank died, 130/143 interrupted, 64 to 78 as docs/errors.md lists them.)";

}  // namespace

void add_replay_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* replay_app =
      app.add_subcommand("replay", "Replay a trace on the ranks of a layout and time agreement");
  const auto arguments = std::make_shared<ReplayArguments>();
  const auto scenario = std::make_shared<ScenarioArguments>();
  add_replay_options(*replay_app, *arguments);
  add_launch_options(*replay_app, arguments->launch);
  add_scenario_options(*replay_app, *scenario);
  replay_app->parse_complete_callback([arguments, scenario] {
    if (arguments->trace.empty() && scenario->path.empty()) throw CLI::RequiredError("TRACE");
  });
  replay_app->footer(kExamples);
  commands.push_back(
      {replay_app, [arguments, scenario, replay_app] {
         if (!scenario->path.empty()) {
           const bool is_chosen = replay_app->count("--transport") > 0;
           const Result<NcclOptions> nccl = resolve_nccl(*arguments);
           if (!nccl) return report_error(nccl.error());
           return replay_scenario(
               *scenario, is_chosen ? arguments->transport : std::string{}, *nccl, arguments->seed);
         }
         return run_replay(*arguments, option_values(*replay_app), progress_style(*replay_app));
       }});

  CLI::App* inject = app.add_subcommand("inject", "Faults for `replay --inject`");
  inject->require_subcommand(1);
  commands.push_back({inject->add_subcommand("list", "Every fault, a line each"), list_faults});
}

}  // namespace radixbench

#include "cmd_scenario.h"

#include "exit_codes.h"

#include "base/file_text.h"
#include "layout/layout.h"
#include "replay/scenario_run.h"
#include "report/verdict_text.h"
#include "watch/diagnose.h"
#include "watch/expectation.h"
#include "watch/scenario.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <variant>
#include <vector>

namespace radixbench {
namespace {

Result<Scenario> read_scenario(const std::string& path) {
  const Result<std::string> text = read_file_text(path);
  if (!text) return tl::unexpected(text.error());
  return parse_scenario(*text, path);
}

std::string choose(const std::string& transport, const Scenario& scenario) {
  if (!transport.empty()) return transport;
  const bool has_shm = std::ranges::find(scenario.transports, "shm") != scenario.transports.end();
  return has_shm ? "shm" : scenario.transports.front();
}

std::string_view spell(RankFate fate) {
  switch (fate) {
    case RankFate::kUnknown: return "unknown";
    case RankFate::kRunning: return "still there";
    case RankFate::kEnded: return "ended";
    case RankFate::kKilled: return "killed";
  }
  return "unknown";
}

// rank 1: still there, 14 calls, 1 of them without an end
void print_rank(const Recording& recording) {
  std::size_t calls = 0;
  std::size_t open = 0;
  for (const RecordedEvent& event : recording.events) {
    if (!std::holds_alternative<RecordedCall>(event.what)) continue;
    ++calls;
    if (event.state != EventState::kLeft) ++open;
  }
  fmt::print("rank {}: {}, {} calls{}",
             recording.rank,
             spell(recording.fate),
             calls,
             open == 0 ? "" : fmt::format(", {} of them without an end", open));
  if (recording.lost_count > 0) fmt::print(", {} older events overwritten", recording.lost_count);
  fmt::print("\n");
}

void print_run(const Scenario& scenario, const ScenarioRun& run) {
  fmt::print("{}: {}\n", scenario.name, scenario.about);
  for (const Recording& recording : run.recordings) print_rank(recording);
  for (const std::string& failure : run.failures) fmt::print("failed: {}\n", failure);
  if (run.was_given_up) fmt::print("the run was given up at its deadline\n");
}

int exit_code_of(const Diagnosis& diagnosis) {
  if (names_fault(diagnosis)) return kExitVerdict;
  const bool has_death = std::ranges::any_of(diagnosis.verdicts, [](const Verdict& verdict) {
    return verdict.verdict == VerdictClass::kRankDied;
  });
  return has_death ? kExitDeadline : kExitFine;
}

}  // namespace

void add_scenario_options(CLI::App& app, ScenarioArguments& arguments) {
  app.add_option("--scenario", arguments.path, "A scenario instead of a trace")->group("Scenarios");
  app.add_option("--time-scale", arguments.time_scale, "Times of a scenario, multiplied by this")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group("Scenarios");
  app.add_flag("--without-fault", arguments.without_fault, "Leave out what makes its fault")
      ->group("Scenarios");
}

int replay_scenario(const ScenarioArguments& arguments,
                    const std::string& transport,
                    const NcclOptions& nccl,
                    std::uint64_t seed) {
  const Result<Scenario> scenario = read_scenario(arguments.path);
  if (!scenario) return report_error(scenario.error());
  const Result<Layout> layout = make_layout(scenario->layout);
  if (!layout) return report_error(layout.error());
  const Result<ScenarioRun> run = run_scenario(*scenario,
                                               {.transport = choose(transport, *scenario),
                                                .nccl = nccl,
                                                .seed = seed,
                                                .time_scale = arguments.time_scale,
                                                .has_fault = !arguments.without_fault});
  if (!run) return report_error(run.error());
  print_run(*scenario, *run);
  const Diagnosis diagnosis =
      diagnose(run->recordings, diagnose_options(*scenario, *layout, arguments.time_scale));
  fmt::print("\n{}", diagnosis_text(diagnosis));
  const std::vector<std::string> differences = compare(
      arguments.without_fault ? std::span<const Expectation>{} : scenario->expectations, diagnosis);
  for (const std::string& difference : differences) {
    fmt::print(stderr, "radixbench: {}: not as expected: {}\n", arguments.path, difference);
  }
  return exit_code_of(diagnosis);
}

}  // namespace radixbench

#include "reproducer.h"

#include "base/clock.h"
#include "replay/scenario_run.h"
#include "watch/reproduce.h"
#include "watch/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// Steps before the last that a cut may go back; a ring holds no more of any use.
constexpr std::uint64_t kStepsMax = 256;
// Of a call in a trial, and in the file that is written.
constexpr auto kTrialDeadline = 150ms;
constexpr auto kCallDeadline = 500ms;
constexpr auto kShorteningMax = 20s;

bool is_same(const Verdict& found, const Verdict& wanted) {
  return found.verdict == wanted.verdict && found.culprit_ranks == wanted.culprit_ranks &&
         found.sites == wanted.sites;
}

bool gives(const Scenario& scenario, const DiagnoseOptions& options, const Verdict& wanted) {
  const Result<ScenarioRun> run = run_scenario(scenario, {.run_deadline = 10s});
  if (!run) return false;
  const Diagnosis diagnosis = diagnose(run->recordings, options);
  return diagnosis.verdicts.size() == 1 && is_same(diagnosis.verdicts.front(), wanted);
}

// What lines have in common that are taken away together.
using Unit = std::string (*)(const ScenarioLine& line);

std::string by_site(const ScenarioLine& line) {
  if (const auto* call = std::get_if<ScenarioCall>(&line.event)) return "call " + call->site;
  if (const auto* decide = std::get_if<ScenarioDecide>(&line.event)) {
    return fmt::format("decide {} {}", decide->site, decide->guard);
  }
  if (const auto* create = std::get_if<ScenarioCreate>(&line.event))
    return "create " + create->group;
  return std::holds_alternative<ScenarioTick>(line.event) ? "" : line.thread;
}
std::string by_site_and_key(const ScenarioLine& line) {
  const auto* call = std::get_if<ScenarioCall>(&line.event);
  return call == nullptr ? std::string{} : fmt::format("{} {}", call->site, call->key.low);
}
std::string by_ranks(const ScenarioLine& line) {
  return fmt::format("{}", fmt::join(line.ranks, ","));
}
// Each by itself.
std::string by_line(const ScenarioLine& line) { return fmt::format("{}", fmt::ptr(&line)); }

// Takes lines away, what belongs together at a time, as long as the verdict stays and there is
// time.
void shorten(Scenario& scenario, const DiagnoseOptions& options, const Verdict& wanted) {
  const Deadline deadline = deadline_after(kShorteningMax);
  for (const Unit unit : {by_site, by_ranks, by_site_and_key, by_line}) {
    std::vector<std::string> units;
    for (const ScenarioLine& line : scenario.lines) units.push_back(unit(line));
    std::set<std::string> names{units.begin(), units.end()};
    names.erase("");
    for (const std::string& name : names) {
      if (has_passed(deadline)) return;
      Scenario shorter = scenario;
      std::vector<std::string> left;
      shorter.lines.clear();
      for (std::size_t i = 0; i < scenario.lines.size(); ++i) {
        if (units[i] == name) continue;
        shorter.lines.push_back(scenario.lines[i]);
        left.push_back(units[i]);
      }
      if (!gives(shorter, options, wanted)) continue;
      scenario = std::move(shorter);
      units = std::move(left);
    }
  }
}

}  // namespace

Result<std::string> write_reproducer(std::span<const Recording> recordings,
                                     const DiagnoseOptions& options,
                                     const Diagnosis& diagnosis,
                                     const std::string& path) {
  const Verdict& wanted = diagnosis.verdicts.front();
  if (options.layout == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "--reproduce needs --layout");
  }
  if (wanted.verdict == VerdictClass::kNone || wanted.verdict == VerdictClass::kIncomplete) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("--reproduce: {} is nothing to reproduce", to_string(wanted.verdict)));
  }
  for (std::uint64_t steps = 0; steps <= kStepsMax; steps = std::max<std::uint64_t>(1, steps * 2)) {
    for (const bool is_narrow : {true, false}) {
      const ScenarioCut cut{
          .last_steps = steps,
          .groups = is_narrow ? named_groups(diagnosis) : std::set<std::string>{}};
      Scenario scenario = reproduce(recordings, options, options.layout->spec(), cut);
      scenario.call_deadline = kTrialDeadline;
      if (!gives(scenario, options, wanted)) continue;
      shorten(scenario, options, wanted);
      scenario.call_deadline = kCallDeadline;
      Expectation expectation{.is_warning = false, .verdict = wanted.verdict, .fields = {}};
      for (const char* field : {"culprits", "site"}) {
        expectation.fields.emplace_back(field, spell_field(wanted, field));
      }
      scenario.expectations = {expectation};
      std::ofstream file{path};
      file << write_scenario(scenario) << std::flush;
      if (!file) return fail(ErrorCode::kCannotCreate, fmt::format("{}: can't be written", path));
      return fmt::format(
          "{}: {} lines that give {} again; run them with `radixbench replay "
          "--scenario {} --transport threads`",
          path,
          scenario.lines.size(),
          to_string(wanted.verdict),
          path);
    }
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("--reproduce: no cut of what was recorded gives {} again",
                          to_string(wanted.verdict)));
}

}  // namespace radixbench

// Each fault of tests/data/scenarios over real communicators: what diagnose() makes of the
// recordings is what the file expects, and nothing without the fault. RADIXBENCH_SCENARIO_SEEDS=20
// runs each with that many seeds, RADIXBENCH_SCENARIO_TICKS=100000 healthy traffic (N1) for that
// long; tests/replay/score adds up what they print.

#include "replay/scenario_cell.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ostream>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace radixbench {
namespace {

using testing::IsEmpty;
using testing::ValuesIn;

struct Cell {
  std::string scenario;
  std::string transport;
};

void PrintTo(const Cell& cell, std::ostream* out) {
  *out << cell.scenario << " over " << cell.transport;
}

// Where processes make a difference: deaths, creations, what a transport does with unlike calls.
constexpr std::array<std::string_view, 14> kOverShm{"F01.",
                                                    "F02.",
                                                    "F03.",
                                                    "F04.",
                                                    "F05.",
                                                    "F08.",
                                                    "F09a.",
                                                    "F10a.",
                                                    "F12a.",
                                                    "F12b.",
                                                    "F14.",
                                                    "F15.",
                                                    "N1b.",
                                                    "X2."};

std::vector<Cell> cells() {
  std::vector<Cell> all;
  for (const std::string& name : scenario_names()) {
    all.push_back({name, "threads"});
    const bool is_over_shm = std::ranges::any_of(
        kOverShm, [&](std::string_view beginning) { return name.starts_with(beginning); });
    if (is_over_shm) all.push_back({name, "shm"});
  }
  return all;
}

std::uint64_t wanted_count(const char* variable, std::uint64_t otherwise) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

std::uint64_t seed_count() { return wanted_count("RADIXBENCH_SCENARIO_SEEDS", 1); }

Scenario load_cell(const std::string& name) {
  Scenario scenario = load_scenario(name);
  if (!name.starts_with("N1")) return scenario;
  for (ScenarioLine& line : scenario.lines) {
    auto* const repeat = std::get_if<ScenarioRepeat>(&line.event);
    if (repeat != nullptr) repeat->count = wanted_count("RADIXBENCH_SCENARIO_TICKS", repeat->count);
  }
  return scenario;
}

std::string name_cell(const testing::TestParamInfo<Cell>& info) {
  std::string name = info.param.scenario + "_" + info.param.transport;
  std::ranges::replace(name, '.', '_');
  return name;
}

class ScenarioCellTest : public testing::TestWithParam<Cell> {
 protected:
  // How many of the seeds gave what was expected.
  void run_seeds(bool has_fault, std::span<const Expectation> expected) {
    const Scenario scenario = load_cell(GetParam().scenario);
    std::uint64_t hits = 0;
    for (std::uint64_t seed = 1; seed <= seed_count(); ++seed) {
      const ScenarioRunOptions options{
          .transport = GetParam().transport, .seed = seed, .has_fault = has_fault};
      const std::vector<std::string> differences =
          compare(expected, diagnose_run(scenario, options));
      EXPECT_THAT(differences, IsEmpty()) << "seed " << seed;
      if (differences.empty()) ++hits;
    }
    fmt::print("score {} {} {} {} of {}\n",
               GetParam().scenario,
               GetParam().transport,
               has_fault ? "fault" : "healthy",
               hits,
               seed_count());
  }
};

TEST_P(ScenarioCellTest, FaultIsNamed) {
  run_seeds(true, load_scenario(GetParam().scenario).expectations);
}

TEST_P(ScenarioCellTest, WithoutTheFaultNothingIsFound) { run_seeds(false, {}); }

INSTANTIATE_TEST_SUITE_P(Cells, ScenarioCellTest, ValuesIn(cells()), name_cell);

// A diagnosis that knew faults by what sites are called would know nothing of others' code.
class RenamedScenarioTest : public testing::TestWithParam<std::string> {};

TEST_P(RenamedScenarioTest, ClassRanksAndGroupsAreThoseOfTheNamedOne) {
  const Scenario scenario = load_scenario(GetParam());
  constexpr std::array<std::string_view, 4> kNameless{
      "culprits", "expected_group", "actual_group", "absent"};
  std::vector<Expectation> expected = scenario.expectations;
  for (Expectation& one : expected) {
    std::erase_if(one.fields, [&](const auto& field) {
      return std::ranges::find(kNameless, field.first) == kNameless.end();
    });
  }
  const Diagnosis found = diagnose_run(without_names(scenario), {});
  EXPECT_THAT(compare(expected, found), IsEmpty());
}

std::vector<std::string> named_faults() {
  std::vector<std::string> names = scenario_names();
  std::erase_if(names, [](const std::string& name) { return name.starts_with('N'); });
  return names;
}

std::string name_renamed(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Faults, RenamedScenarioTest, ValuesIn(named_faults()), name_renamed);

}  // namespace
}  // namespace radixbench

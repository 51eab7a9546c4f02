#pragma once

#include "replay/scenario_run.h"
#include "watch/diagnose.h"
#include "watch/scenario.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// tests/data/scenarios, by file name without ending, in order.
std::vector<std::string> scenario_names();
Scenario load_scenario(const std::string& name);

// What is found in a run of it. Fails the test where it could not be run.
Diagnosis diagnose_run(const Scenario& scenario, const ScenarioRunOptions& options);

// Every site, guard and thread of the scenario and its contracts, the builtin ones among them, by
// a number instead of its name. Groups keep theirs.
Scenario without_names(const Scenario& scenario);

}  // namespace radixbench

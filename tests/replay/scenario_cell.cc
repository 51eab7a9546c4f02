#include "replay/scenario_cell.h"

#include "base/check.h"
#include "layout/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <variant>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

fs::path folder() { return fs::path{RADIXBENCH_SOURCE_DIR} / "tests/data/scenarios"; }

// The name's number, as nobody could guess its meaning from.
std::string hashed(const std::string& name) {
  std::uint64_t hash = 1469598103934665603ULL;
  for (const char letter : name)
    hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
  return name.empty() ? name : "x" + std::to_string(hash);
}

void hash_names(ScenarioEvent& event) {
  if (auto* create = std::get_if<ScenarioCreate>(&event)) create->site = hashed(create->site);
  if (auto* call = std::get_if<ScenarioCall>(&event)) call->site = hashed(call->site);
  if (auto* activity = std::get_if<ScenarioActivity>(&event)) {
    activity->site = hashed(activity->site);
  }
  if (auto* decide = std::get_if<ScenarioDecide>(&event)) {
    decide->site = hashed(decide->site);
    decide->guard = hashed(decide->guard);
  }
}

}  // namespace

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator{folder()}) {
    if (entry.path().extension() == ".scenario") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

Scenario load_scenario(const std::string& name) {
  const fs::path path = folder() / (name + ".scenario");
  std::ifstream file{path};
  RADIXBENCH_CHECK(file.good());
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto scenario = parse_scenario(text, path.filename().string());
  if (!scenario) ADD_FAILURE() << scenario.error().message;
  return scenario ? *std::move(scenario) : Scenario{};
}

Diagnosis diagnose_run(const Scenario& scenario, const ScenarioRunOptions& options) {
  const auto run = run_scenario(scenario, options);
  if (!run) {
    ADD_FAILURE() << run.error().message;
    return {};
  }
  EXPECT_FALSE(run->was_given_up);
  const auto layout = make_layout(scenario.layout);
  RADIXBENCH_CHECK(layout.has_value());
  return diagnose(run->recordings, diagnose_options(scenario, *layout, options.time_scale));
}

Scenario without_names(const Scenario& scenario) {
  Scenario renamed = scenario;
  const auto layout = make_layout(scenario.layout);
  RADIXBENCH_CHECK(layout.has_value());
  renamed.contracts = diagnose_options(scenario, *layout, 1.0).contracts;
  for (Contract& contract : renamed.contracts) {
    contract.site = hashed(contract.site);
    contract.thread = hashed(contract.thread);
  }
  for (ScenarioLine& line : renamed.lines) {
    line.thread = hashed(line.thread);
    hash_names(line.event);
  }
  return renamed;
}

}  // namespace radixbench

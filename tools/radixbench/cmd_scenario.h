#pragma once

#include "comm/nccl_world.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace radixbench {

// The words of a `replay --scenario` as typed; transport and seed are those of any replay.
struct ScenarioArguments {
  std::string path;
  double time_scale = 1.0;
  bool without_fault = false;
};

void add_scenario_options(CLI::App& app, ScenarioArguments& arguments);

// Runs it, says what happened and what a diagnosis makes of it, and answers the exit code. An empty
// transport is shm, where the scenario runs over that.
int replay_scenario(const ScenarioArguments& arguments,
                    const std::string& transport,
                    const NcclOptions& nccl,
                    std::uint64_t seed);

}  // namespace radixbench

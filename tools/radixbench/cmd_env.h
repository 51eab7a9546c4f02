#pragma once

#include "commands.h"

#include "report/json_environment.h"

namespace radixbench {

// env
void add_env_commands(CLI::App& app, std::vector<Command>& commands);

// Everything that `env` tells of, usable or not, in the order in which it is shown.
std::vector<Provider> find_providers();

}  // namespace radixbench

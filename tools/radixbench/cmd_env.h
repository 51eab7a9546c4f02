#pragma once

#include "commands.h"

namespace radixbench {

// env
void add_env_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

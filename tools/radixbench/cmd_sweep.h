#pragma once

#include "commands.h"

namespace radixbench {

void add_sweep_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

#pragma once

#include "commands.h"

namespace radixbench {

// gate
void add_gate_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

#pragma once

#include "commands.h"

namespace radixbench {

// diagnose: recorder files in, one verdict out.
void add_diagnose_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

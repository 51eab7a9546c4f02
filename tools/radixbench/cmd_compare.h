#pragma once

#include "commands.h"

namespace radixbench {

// compare
void add_compare_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

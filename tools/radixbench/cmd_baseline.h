#pragma once

#include "commands.h"

namespace radixbench {

// baseline save|list|show|promote|annotate|prune
void add_baseline_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

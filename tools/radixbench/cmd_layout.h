#pragma once

#include "commands.h"

namespace radixbench {

// layout show, layout sites, layout check
void add_layout_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

#pragma once

#include "commands.h"

namespace radixbench {

// help [COMMAND...]: what COMMAND --help says.
void add_help_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

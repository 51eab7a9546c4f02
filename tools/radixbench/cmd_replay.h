#pragma once

#include "commands.h"

namespace radixbench {

// replay, and inject list
void add_replay_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

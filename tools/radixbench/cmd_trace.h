#pragma once

#include "commands.h"

namespace radixbench {

// trace inspect
void add_trace_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

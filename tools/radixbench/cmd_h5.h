#pragma once

#include "commands.h"

namespace radixbench {

// radixbench h5 info|verify|recover|merge: the files that runs leave behind.
void add_h5_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

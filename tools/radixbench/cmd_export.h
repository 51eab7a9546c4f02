#pragma once

#include "commands.h"

namespace radixbench {

// export FORMAT INPUT...: values of launches in forms that other tools read.
void add_export_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

#pragma once

#include "commands.h"

namespace radixbench {

// layout check, below `layout`.
void add_layout_check_command(CLI::App& layout, std::vector<Command>& commands);

}  // namespace radixbench

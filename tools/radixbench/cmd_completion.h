#pragma once

#include "commands.h"

namespace radixbench {

// completion bash|zsh|fish: a script that completes commands and options in that shell.
void add_completion_commands(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

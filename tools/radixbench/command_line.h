#pragma once

#include "commands.h"

#include <span>
#include <string>
#include <vector>

namespace radixbench {

// Adds the verbs to an app, parses and runs the command that was chosen. Parse errors of every kind
// end in the exit codes of docs/errors.md, in words on stderr; help and version go to stdout.
int run_command_line(std::span<const AddCommands> verbs, std::vector<std::string> words);

}  // namespace radixbench

#pragma once

#include "commands.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// Adds the verbs to an app, parses and runs the command that was chosen. Parse errors of every kind
// end in the exit codes of docs/errors.md, in words on stderr; help and version go to stdout.
int run_command_line(std::span<const AddCommands> verbs, std::vector<std::string> words);

// In words, the first of them that stands where a command of `app` must and is none, with the
// nearest that is.
std::optional<std::string> unknown_command(const CLI::App& app, std::span<const std::string> words);

}  // namespace radixbench

#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>

namespace radixbench {

// Options of the whole tool, which every command takes too: --color and --progress. Call it before
// the commands are added.
void add_terminal_options(CLI::App& root);

// Whether the result may have colour: --color, else NO_COLOR, else CLICOLOR_FORCE or FORCE_COLOR,
// else whether stdout is a terminal that is not dumb. `app` is any command.
bool is_colour_wanted(const CLI::App& app);

enum class ProgressStyle : std::uint8_t {
  kSilent,
  kLines,   // a line every ten seconds, for logs
  kRedraw,  // one line, written over and over
};
// --progress; `auto` redraws on a terminal, writes lines in CI, and is silent elsewhere.
ProgressStyle progress_style(const CLI::App& app);

}  // namespace radixbench

#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace radixbench {

// Options of a command from elsewhere than its words. What stands nearer wins: the command line,
// RADIXBENCH_<OPTION> in the environment, the file of --config, the default.
//
// Gives every option of `command` its variable, and the command --config and --dump-config, where
// it has options and no --config of its own. Call it on the command that was chosen, after its
// options were added and before parsing. A key that is no option ends parsing as CLI::ConfigError,
// naming file, line and key; an unreadable file as CLI::FileError.
enum class Environment : std::uint8_t { kRead, kIgnored };
void add_option_sources(CLI::App& command, Environment environment);

bool is_dump_wanted(const CLI::App& command);

// The options in effect, defaults included, as TOML that --config reads to the same ones.
std::string config_text(const CLI::App& command);

// Whether it says where options come from or asks for help, rather than being one.
bool is_about_options(const CLI::Option& option);

}  // namespace radixbench

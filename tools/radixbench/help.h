#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace radixbench {

// radixbench layout show
std::string full_name(const CLI::App& app);

// -h: usage, examples, then the options' names alone.
std::string short_help(const CLI::App& app);

// --help: every option with what it means and its default, examples, exit codes.
std::string full_help(const CLI::App& app);

}  // namespace radixbench

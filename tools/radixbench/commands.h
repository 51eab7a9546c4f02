#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <vector>

namespace radixbench {

// A subcommand, and what to run once parsing chose it. run() prints the result on stdout and all
// else on stderr, its error included (report_error), and answers the exit code.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

// Adds one verb to the tool: its subcommand with options, help and examples, or several under one
// noun. One cmd_<verb>.{h,cc} pair has one such function; main.cc lists them.
using AddCommands = void (*)(CLI::App& app, std::vector<Command>& commands);

}  // namespace radixbench

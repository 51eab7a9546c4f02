#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace radixbench {

// A subcommand adds itself to the app and answers what to run once parsing chose it. run() returns
// the exit code (docs/errors.md); it prints its own one-line error.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

}  // namespace radixbench

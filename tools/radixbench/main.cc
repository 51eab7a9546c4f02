#include "commands.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <vector>

namespace {

constexpr int kExitUsage = 64;
constexpr int kExitBug = 70;

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app{"What agreement costs in a hierarchical KV prefix cache, and why it hangs"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "radixbench 0.1.0");
  std::vector<radixbench::Command> commands;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }
  for (const radixbench::Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "radixbench: {}\n", error.what());
  return kExitBug;
}

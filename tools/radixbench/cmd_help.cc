#include "cmd_help.h"

#include "command_line.h"
#include "config_file.h"
#include "exit_codes.h"
#include "help.h"

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <string>

namespace radixbench {
namespace {

int print_help(CLI::App& root, const std::vector<std::string>& words) {
  if (const std::optional<std::string> unknown = unknown_command(root, words)) {
    return report_error({ErrorCode::kInvalidArgument, *unknown});
  }
  CLI::App* app = &root;
  for (const std::string& word : words) {
    if (app->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      return report_error({ErrorCode::kInvalidArgument,
                           fmt::format("'{}' is no command of {}", word, full_name(*app))});
    }
    app = app->get_subcommand(word);
  }
  if (app != &root) add_option_sources(*app, Environment::kIgnored);
  fmt::print("{}", full_help(*app));
  return kExitFine;
}

}  // namespace

void add_help_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* help = app.add_subcommand("help", "What COMMAND --help says");
  const auto words = std::make_shared<std::vector<std::string>>();
  help->add_option("COMMAND", *words, "A command, and one of its own");
  help->footer("Examples:\n  radixbench help\n  radixbench help layout show");
  commands.push_back({help, [root = &app, words] { return print_help(*root, *words); }});
}

}  // namespace radixbench

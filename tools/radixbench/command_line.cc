#include "command_line.h"

#include "exit_codes.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <optional>
#include <string_view>

namespace radixbench {
namespace {

constexpr std::string_view kHowTo = "radixbench --help lists the commands";

// Levenshtein's: single-letter insertions, removals and changes.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// In words, the first word that stands where a subcommand must and is none; CLI11 itself would only
// say that one is required.
std::optional<std::string> unknown_subcommand(CLI::App& app, std::span<const std::string> words) {
  const std::vector<CLI::App*> subcommands =
      app.get_subcommands([](const CLI::App*) { return true; });
  if (subcommands.empty() || words.empty() || words.front().starts_with('-')) return std::nullopt;
  const std::string& word = words.front();
  // The beginning of a name is as good as the name with one letter wrong.
  const auto distance = [&](const CLI::App* subcommand) {
    const std::string& name = subcommand->get_name();
    const std::size_t edits = edit_distance(word, name);
    return name.starts_with(word) ? std::min(edits, std::size_t{1}) : edits;
  };
  CLI::App* nearest = *std::ranges::min_element(subcommands, {}, distance);
  if (nearest->get_name() == word) return unknown_subcommand(*nearest, words.subspan(1));
  const bool is_near = distance(nearest) <= 1 + word.size() / 3;
  const std::string guess =
      is_near ? fmt::format("; did you mean '{}'?", nearest->get_name()) : std::string{};
  return fmt::format("'{}' is no command of {}{}", word, app.get_name(), guess);
}

int report_parse_error(CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
  fmt::print(stderr, "radixbench: {}\n{}\n", error.what(), kHowTo);
  if (dynamic_cast<const CLI::FileError*>(&error) != nullptr) return kExitNoInput;
  if (dynamic_cast<const CLI::ConfigError*>(&error) != nullptr) return kExitConfiguration;
  return kExitUsage;
}

}  // namespace

int run_command_line(std::span<const AddCommands> verbs, std::vector<std::string> words) {
  CLI::App app{"What agreement costs in a hierarchical KV prefix cache, and why it hangs",
               "radixbench"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "radixbench " RADIXBENCH_VERSION);
  app.footer("radixbench COMMAND --help has the options of each, with examples.");
  std::vector<Command> commands;
  for (const AddCommands& add_commands : verbs) add_commands(app, commands);
  if (const std::optional<std::string> unknown = unknown_subcommand(app, words)) {
    fmt::print(stderr, "radixbench: {}\n{}\n", *unknown, kHowTo);
    return kExitUsage;
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error);
  }
  const auto chosen = std::find_if(commands.begin(), commands.end(), [](const Command& command) {
    return command.app->parsed();
  });
  return chosen == commands.end() ? static_cast<int>(kExitBug) : chosen->run();
}

}  // namespace radixbench

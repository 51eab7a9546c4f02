#include "command_line.h"

#include "config_file.h"
#include "exit_codes.h"
#include "help.h"
#include "terminal.h"
#include "version.h"

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

// Words before the command, which are about the tool; they take a value each.
std::size_t leading_words(std::span<const std::string> words) {
  std::size_t count = 0;
  while (count < words.size() && words[count].starts_with('-')) {
    const bool takes_next = words[count] == "--color" || words[count] == "--progress";
    count += takes_next ? 2 : 1;
  }
  return std::min(count, words.size());
}

// The command that the words name, as far as they do.
CLI::App* chosen_command(CLI::App& root, std::span<const std::string> words) {
  CLI::App* app = &root;
  for (const std::string& word : words) {
    const auto subcommands = app->get_subcommands([](const CLI::App*) { return true; });
    const auto found = std::ranges::find(subcommands, word, &CLI::App::get_name);
    if (found == subcommands.end()) break;
    app = *found;
  }
  return app;
}

bool has(std::span<const std::string> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// What was probably meant, as the end of a sentence; nothing where no name is near. The beginning
// of a name is as good as the name with one letter wrong.
std::string guess_among(const std::vector<std::string>& names, std::string_view word) {
  const auto distance = [&](const std::string& name) {
    const std::size_t edits = edit_distance(word, name);
    return name.starts_with(word) ? std::min(edits, std::size_t{1}) : edits;
  };
  const auto nearest = std::ranges::min_element(names, {}, distance);
  if (nearest == names.end() || distance(*nearest) > 1 + word.size() / 3) return {};
  return fmt::format("; did you mean '{}'?", *nearest);
}

// Names the option among the words that nobody takes, not the value that came with it.
std::string describe_extras(const CLI::App& command, const CLI::ExtrasError& error) {
  const CLI::App* root = &command;
  while (root->get_parent() != nullptr) root = root->get_parent();
  const std::vector<std::string> words = root->remaining(true);
  if (words.empty()) return error.what();
  const auto is_option = [](const std::string& word) { return word.starts_with('-'); };
  const auto first = std::ranges::find_if(words, is_option);
  if (first == words.end()) {
    return fmt::format("{} takes no '{}'", full_name(command), words.front());
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_name().starts_with("--")) names.push_back(option->get_name());
  }
  const std::string name = first->substr(0, first->find('='));
  return fmt::format(
      "'{}' is no option of {}{}", name, full_name(command), guess_among(names, name));
}

int report_parse_error(const CLI::App& command, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::CallForHelp*>(&error) != nullptr) {
    fmt::print("{}", short_help(command));
    return kExitFine;
  }
  if (dynamic_cast<const CLI::CallForAllHelp*>(&error) != nullptr) {
    fmt::print("{}", full_help(command));
    return kExitFine;
  }
  const auto* const extras = dynamic_cast<const CLI::ExtrasError*>(&error);
  fmt::print(stderr,
             "radixbench: {}\n{}\n",
             extras != nullptr ? describe_extras(command, *extras) : error.what(),
             command.get_parent() == nullptr ? std::string{kHowTo}
                                             : full_name(command) + " -h has examples");
  if (dynamic_cast<const CLI::FileError*>(&error) != nullptr) return kExitNoInput;
  if (dynamic_cast<const CLI::ConfigError*>(&error) != nullptr) return kExitConfiguration;
  return kExitUsage;
}

constexpr const char* kExamples = R"(Examples:
  radixbench replay traces/sample_400.jsonl --layout tp4cp2
  radixbench diagnose radixbench-runs/RUN_ID
  radixbench layout sites tp2cp2dp2

radixbench COMMAND -h has examples of each, --help all options.
Exit codes are in docs/errors.md.)";

int run_chosen(const std::vector<Command>& commands) {
  const auto chosen =
      std::ranges::find_if(commands, [](const Command& command) { return command.app->parsed(); });
  if (chosen == commands.end()) return kExitBug;
  if (!is_dump_wanted(*chosen->app)) return chosen->run();
  fmt::print("{}", config_text(*chosen->app));
  return kExitFine;
}

}  // namespace

std::optional<std::string> unknown_command(const CLI::App& app,
                                           std::span<const std::string> words) {
  const std::vector<const CLI::App*> subcommands =
      app.get_subcommands([](const CLI::App*) { return true; });
  if (subcommands.empty() || words.empty() || words.front().starts_with('-')) return std::nullopt;
  const std::string& word = words.front();
  std::vector<std::string> names;
  names.reserve(subcommands.size());
  for (const CLI::App* subcommand : subcommands) {
    if (subcommand->get_name() == word) return unknown_command(*subcommand, words.subspan(1));
    names.push_back(subcommand->get_name());
  }
  return fmt::format("'{}' is no command of {}{}", word, full_name(app), guess_among(names, word));
}

int run_command_line(std::span<const AddCommands> verbs, std::vector<std::string> words) {
  CLI::App app{"What agreement costs in a hierarchical KV prefix cache, and why it hangs",
               "radixbench"};
  app.set_help_flag("-h", "Examples, and the options' names");
  app.set_help_all_flag("--help", "All of it");
  app.require_subcommand(1);
  const std::string about_version =
      "The version in a line; --version=json: and all that it is made of";
  app.add_flag("--version", about_version)->configurable(false);
  add_terminal_options(app);
  std::vector<Command> commands;
  for (const AddCommands& add_commands : verbs) add_commands(app, commands);
  app.footer(kExamples);  // after them: each would begin with its parent's

  const std::span<const std::string> all{words};
  const std::size_t leading = leading_words(all);
  if (has(all.first(leading), "--version")) {
    fmt::print("{}", version_line());
    return kExitFine;
  }
  if (has(all.first(leading), "--version=json")) {
    fmt::print("{}", version_text_json());
    return kExitFine;
  }
  const auto odd = std::ranges::find_if(
      all.first(leading), [](const std::string& word) { return word.starts_with("--version="); });
  if (odd != all.begin() + static_cast<std::ptrdiff_t>(leading)) {
    return report_error({ErrorCode::kInvalidArgument, *odd + ": there is only --version=json"});
  }
  const std::span<const std::string> rest = all.subspan(leading);
  if (const std::optional<std::string> unknown = unknown_command(app, rest)) {
    fmt::print(stderr, "radixbench: {}\n{}\n", *unknown, kHowTo);
    return kExitUsage;
  }
  CLI::App* chosen = chosen_command(app, rest);
  // Help is had whatever the environment says.
  const bool is_help = has(rest, "-h") || has(rest, "--help");
  if (chosen != &app)
    add_option_sources(*chosen, is_help ? Environment::kIgnored : Environment::kRead);
  try {
    std::vector<std::string> backwards{words.rbegin(), words.rend()};  // as CLI11 takes them
    app.parse(std::move(backwards));
  } catch (const CLI::ParseError& error) {
    return report_parse_error(*chosen, error);
  }
  return run_chosen(commands);
}

}  // namespace radixbench

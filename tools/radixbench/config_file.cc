#include "config_file.h"

#include "help.h"

#include "base/file_text.h"
#include "base/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 20U;  // of a file of options

// page-size; trace of TRACE.
std::string key_of(const CLI::Option& option) {
  std::string key = option.get_single_name();
  if (option.get_positional()) {
    std::ranges::transform(
        key, key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  return key;
}

std::string variable_of(const std::string& key) {
  std::string name = "RADIXBENCH_";
  for (const char c : key) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

// Who started a process is found out from all that a launcher leaves behind, which has an order of
// its own (lib/replay/launch_context.h).
bool is_of_launchers(const CLI::Option& option) {
  constexpr std::array<std::string_view, 5> kNames = {
      "launcher", "rank", "world-size", "local-rank", "rendezvous"};
  return std::ranges::find(kNames, option.get_single_name()) != kNames.end();
}

bool is_flag(const CLI::Option& option) { return option.get_expected_max() == 0; }

Result<std::string> read_standard_input() {
  std::string text;
  std::array<char, 4096> block{};
  while (const std::size_t bytes = std::fread(block.data(), 1, block.size(), stdin)) {
    text.append(block.data(), bytes);
    if (text.size() > kBytesMax) return fail(ErrorCode::kCorrupt, "standard input: too long");
  }
  if (std::ferror(stdin) != 0) return fail(ErrorCode::kIo, "can't read standard input");
  return text;
}

CLI::Option* option_of(CLI::App& command, const std::string& key) {
  for (CLI::Option* option : command.get_options()) {
    if (key_of(*option) == key && option->get_configurable()) return option;
  }
  return nullptr;
}

[[noreturn]] void refuse(const std::string& file, std::size_t line, const std::string& what) {
  throw CLI::ConfigError(fmt::format("{}:{}: {}", file, line, what), CLI::ExitCodes::ConfigError);
}

// What the words of the command line would have been.
std::vector<std::string> words_of(const TomlValue& value,
                                  const std::string& file,
                                  const std::string& key) {
  if (value.kind == TomlKind::kTable) refuse(file, value.line, fmt::format("'{}' is a table", key));
  if (value.kind != TomlKind::kList) return {value.text};
  std::vector<std::string> words;
  for (const TomlValue& item : value.items) {
    if (item.kind == TomlKind::kList || item.kind == TomlKind::kTable) {
      refuse(file, value.line, fmt::format("'{}' has a list or table within it", key));
    }
    words.push_back(item.text);
  }
  return words;
}

void take_entry(CLI::App& command,
                const std::string& file,
                const std::string& key,
                const TomlValue& value) {
  CLI::Option* option = option_of(command, key);
  if (option == nullptr) {
    refuse(file,
           value.line,
           fmt::format("'{}' is no option of {}; --dump-config shows those that are",
                       key,
                       full_name(command)));
  }
  const std::vector<std::string> words = words_of(value, file, key);
  if (option->count() > 0) return;  // the command line or the environment has said it
  // As on the command line, where a flag that is off is not there.
  if (is_flag(*option) && words == std::vector<std::string>{"false"}) return;
  try {
    for (const std::string& word : words) {
      option->add_result(is_flag(*option) ? option->get_flag_value(key, word) : word);
    }
    if (!words.empty()) option->run_callback();
  } catch (const CLI::Error& error) {
    refuse(file, value.line, fmt::format("'{}': {}", key, error.what()));
  }
}

void take_file(CLI::App& command, const std::string& path) {
  const std::string name = path == "-" ? "standard input" : path;
  const Result<std::string> text =
      path == "-" ? read_standard_input() : read_file_text(path, kBytesMax);
  if (!text) throw CLI::FileError(text.error().message, CLI::ExitCodes::FileError);
  const Result<TomlValue> root = parse_toml(*text, name);
  if (!root) throw CLI::ConfigError(root.error().message, CLI::ExitCodes::ConfigError);
  for (const auto& [key, value] : root->entries) take_entry(command, name, key, value);
}

bool is_number(const std::string& word) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), whole);
  return error == std::errc{} && end == word.data() + word.size() && std::to_string(whole) == word;
}

std::string toml_of(const std::string& word) { return is_number(word) ? word : toml_text(word); }

std::string toml_of(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words) text += (text.size() > 1 ? ", " : "") + toml_of(word);
  return text + "]";
}

}  // namespace

bool is_about_options(const CLI::Option& option) {
  constexpr std::array<std::string_view, 4> kNames = {"h", "help", "config", "dump-config"};
  return std::ranges::find(kNames, option.get_single_name()) != kNames.end();
}

void add_option_sources(CLI::App& command, Environment environment) {
  bool has_options = false;
  for (CLI::Option* option : command.get_options()) {
    if (is_about_options(*option) || option->get_positional()) continue;
    has_options = true;
    const bool has_variable = environment == Environment::kRead && !is_of_launchers(*option);
    if (has_variable) option->envname(variable_of(key_of(*option)));
  }
  const bool has_own = command.get_option_no_throw("--config") != nullptr;
  if (has_own || !has_options) return;
  command
      .add_option_function<std::string>(
          "--config",
          [&command](const std::string& path) { take_file(command, path); },
          "Options from a TOML file, or - for standard input")
      ->configurable(false);
  const std::string about_dump = "Print the options in effect as TOML, and do nothing else";
  command.add_flag("--dump-config", about_dump)->configurable(false);
}

bool is_dump_wanted(const CLI::App& command) {
  const CLI::Option* option = command.get_option_no_throw("--dump-config");
  return option != nullptr && option->count() > 0;
}

std::string config_text(const CLI::App& command) {
  std::string text = fmt::format("# {}\n", full_name(command));
  for (const CLI::Option* option : command.get_options()) {
    if (is_about_options(*option) || !option->get_configurable()) continue;
    const std::string key = key_of(*option);
    const std::vector<std::string> words = option->results();
    if (is_flag(*option)) {
      text += fmt::format("{} = {}\n", key, option->count() > 0 && option->as<bool>());
    } else if (option->get_expected_max() > 1) {
      if (!words.empty()) text += fmt::format("{} = {}\n", key, toml_of(words));
    } else if (!words.empty()) {
      text += fmt::format("{} = {}\n", key, toml_of(words.back()));
    } else if (!option->get_default_str().empty()) {
      text += fmt::format("{} = {}\n", key, toml_of(option->get_default_str()));
    }
  }
  return text;
}

}  // namespace radixbench

#include "terminal.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include <unistd.h>

namespace radixbench {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

bool is_on(const char* name) {
  const std::string_view value = variable(name);
  return !value.empty() && value != "0" && value != "false";
}

// A terminal that understands escapes.
bool is_terminal(int file) {
  const std::string_view kind = variable("TERM");
  return isatty(file) == 1 && !kind.empty() && kind != "dumb";
}

std::string choice(const CLI::App& app, const char* option) {
  const CLI::App* root = &app;
  while (root->get_parent() != nullptr) root = root->get_parent();
  return root->get_option(option)->as<std::string>();
}

}  // namespace

void add_terminal_options(CLI::App& root) {
  root.add_option("--color", "Colour of the result: auto, always or never")
      ->default_str("auto")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->envname("RADIXBENCH_COLOR");
  root.add_option("--progress", "How far it is, on stderr: auto, on or off")
      ->default_str("auto")
      ->check(CLI::IsMember({"auto", "on", "off"}).description(""))
      ->envname("RADIXBENCH_PROGRESS");
  root.fallthrough();
}

bool is_colour_wanted(const CLI::App& app) {
  const std::string asked = choice(app, "--color");
  if (asked != "auto") return asked == "always";
  if (!variable("NO_COLOR").empty()) return false;
  if (is_on("CLICOLOR_FORCE") || is_on("FORCE_COLOR")) return true;
  return is_terminal(STDOUT_FILENO);
}

ProgressStyle progress_style(const CLI::App& app) {
  const std::string asked = choice(app, "--progress");
  if (asked == "off") return ProgressStyle::kSilent;
  if (is_terminal(STDERR_FILENO)) return ProgressStyle::kRedraw;
  const bool is_followed = asked == "on" || is_on("CI") || isatty(STDERR_FILENO) == 1;
  return is_followed ? ProgressStyle::kLines : ProgressStyle::kSilent;
}

}  // namespace radixbench

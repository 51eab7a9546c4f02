#include "help.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kWidth = 100;

std::vector<const CLI::App*> subcommands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Of a footer, what stands from "Examples:" to the next empty line.
std::string examples_of(const CLI::App& app) {
  const std::string footer = app.get_footer();
  const std::size_t begin = footer.find("Examples:");
  if (begin == std::string::npos) return "";
  return footer.substr(begin, footer.find("\n\n", begin) - begin) + "\n\n";
}

std::string usage_of(const CLI::App& app) {
  std::string usage = "Usage: " + full_name(app);
  if (!subcommands_of(app).empty()) usage += " COMMAND";
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name =
        option->get_single_name() + (option->get_expected_max() > 1 ? "..." : "");
    usage += option->get_required() ? " " + name : " [" + name + "]";
  }
  return usage + " [OPTIONS]\n";
}

std::string option_names(const CLI::App& app) {
  std::string text;
  std::string line = "Options:";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) continue;
    const std::string name = " " + option->get_name(false, true);
    if (line.size() + name.size() > kWidth) {
      text += line + "\n";
      line = std::string(8, ' ');
    }
    line += name;
  }
  return text + line + "\n";
}

std::string command_list(const CLI::App& app) {
  std::size_t width = 0;
  for (const CLI::App* sub : subcommands_of(app)) width = std::max(width, sub->get_name().size());
  std::string text = "Commands:\n";
  for (const CLI::App* sub : subcommands_of(app)) {
    text += fmt::format("  {:<{}}  {}\n", sub->get_name(), width, sub->get_description());
  }
  return text + "\n";
}

}  // namespace

std::string full_name(const CLI::App& app) {
  if (app.get_parent() == nullptr) return app.get_name();
  return full_name(*app.get_parent()) + " " + app.get_name();
}

std::string short_help(const CLI::App& app) {
  std::string text =
      fmt::format("{}\n{}\n{}", app.get_description(), usage_of(app), examples_of(app));
  if (!subcommands_of(app).empty()) text += command_list(app);
  return text + option_names(app) +
         fmt::format("\n{} --help has what each means, its default, and the exit codes.\n",
                     full_name(app));
}

std::string full_help(const CLI::App& app) {
  // App::help() would answer for the command that was chosen, which may be `help`.
  std::string text =
      app.get_formatter()->make_help(&app, full_name(app), CLI::AppFormatMode::Normal);
  // One sentence says it for all options.
  text = std::regex_replace(text, std::regex{R"( \(Env:RADIXBENCH_[A-Z0-9_]*\))"}, "");
  if (app.get_parent() != nullptr) {
    text += "\nEvery command takes --color auto|always|never and --progress auto|on|off.";
    const bool has_options =
        !app.get_options([](const CLI::Option* o) { return o->get_configurable(); }).empty();
    text += has_options
                ? " An option that is not given is\nlooked for as RADIXBENCH_<OPTION> in the "
                  "environment (--page-size: RADIXBENCH_PAGE_SIZE).\n"
                : "\n";
  }
  return text;
}

}  // namespace radixbench

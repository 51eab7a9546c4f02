#include "replay_words.h"

#include "replay_arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace radixbench {
namespace {

constexpr const char* kTrace = "TRACE";

bool is_set_by_user(const CLI::Option& option) {
  const std::string& name = option.get_single_name();
  return name != "help" && name != "output";
}

bool is_list(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

}  // namespace

std::vector<std::pair<std::string, std::string>> replay_defaults() {
  CLI::App app;
  ReplayArguments arguments;
  add_replay_options(app, arguments);
  std::vector<std::pair<std::string, std::string>> defaults;
  for (const CLI::Option* option : app.get_options()) {
    if (!is_set_by_user(*option)) continue;
    const std::string name = option->get_single_name();
    defaults.emplace_back(name == kTrace ? "trace" : name, option->get_default_str());
  }
  return defaults;
}

std::vector<std::string> given_words(const CLI::App& app) {
  std::vector<std::string> words;
  const auto defaults = replay_defaults();
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_single_name();
    if (option->count() == 0) continue;
    if (name == kTrace) {
      words.insert(words.begin(), option->results().front());
      continue;
    }
    const bool is_of_replay = std::any_of(
        defaults.begin(), defaults.end(), [&](const auto& known) { return known.first == name; });
    if (!is_of_replay) continue;
    for (const std::string& value : option->results()) {
      words.push_back(fmt::format("--{}={}", name, value));
    }
  }
  return words;
}

std::vector<std::string> words_of(const std::string& name, const std::string& value) {
  if (name == "trace") return {value};
  CLI::App app;
  ReplayArguments arguments;
  add_replay_options(app, arguments);
  const CLI::Option* option = app.get_option_no_throw("--" + name);
  if (option != nullptr && is_list(*option) && value == "none") return {};
  return {"--" + name + "=" + value};
}

Result<ReplayOptions> check_words(const std::vector<std::string>& words) {
  CLI::App app;
  ReplayArguments arguments;
  add_replay_options(app, arguments);
  try {
    std::vector<std::string> reversed{words.rbegin(), words.rend()};  // CLI11 takes the last first
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::kInvalidArgument, error.what());
  }
  if (arguments.trace.empty()) return fail(ErrorCode::kInvalidArgument, "TRACE is required");
  Result<ReplayOptions> options = resolve(arguments);
  if (!options) return options;
  if (Result<void> fine = check_options(*options); !fine) return tl::unexpected(fine.error());
  return options;
}

}  // namespace radixbench

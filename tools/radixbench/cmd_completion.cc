#include "cmd_completion.h"

#include "exit_codes.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

namespace radixbench {
namespace {

// A word that may follow a command, with what it is for.
struct Candidate {
  std::string word, meaning;
  bool is_command = false;
  bool takes_value = false;
};

// A command by its words: "" of the tool itself, " layout show".
struct Place {
  std::string path;
  std::vector<Candidate> candidates;
};

void add_options(const CLI::App& app, std::vector<Candidate>& candidates) {
  for (const CLI::Option* option : app.get_options()) {
    const bool takes_value = option->get_expected_max() > 0;
    for (const std::string& name : option->get_lnames()) {
      candidates.push_back({"--" + name, option->get_description(), false, takes_value});
    }
    for (const std::string& name : option->get_snames()) {
      candidates.push_back({"-" + name, option->get_description(), false, takes_value});
    }
  }
}

void add_places(const CLI::App& app, const std::string& path, std::vector<Place>& places) {
  Place place{path, {}};
  const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subcommands) {
    place.candidates.push_back({sub->get_name(), sub->get_description(), true, false});
  }
  add_options(app, place.candidates);
  if (app.get_parent() != nullptr) {
    for (const char* name : {"--color", "--progress"}) {
      place.candidates.push_back({name, "Of the whole tool", false, true});
    }
    if (subcommands.empty()) {
      place.candidates.push_back({"--config", "Options from a TOML file", false, true});
      place.candidates.push_back({"--dump-config", "Print the options as TOML", false, false});
    }
  }
  places.push_back(std::move(place));
  for (const CLI::App* sub : subcommands) add_places(*sub, path + " " + sub->get_name(), places);
}

// In single quotes of a shell.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return out + "'";
}

// The words of all commands, as alternatives of a `case`.
std::string command_paths(const std::vector<Place>& places) {
  std::string text;
  for (const Place& place : places) {
    if (place.path.empty()) continue;
    text += (text.empty() ? "" : "|") + in_quotes(place.path);
  }
  return text;
}

std::string options_with_values(const std::vector<Place>& places) {
  std::string text;
  for (const Place& place : places) {
    for (const Candidate& candidate : place.candidates) {
      const std::string word = "'" + place.path + " " + candidate.word + "'";
      if (candidate.takes_value) text += (text.empty() ? "" : "|") + word;
    }
  }
  return text;
}

// Where a value must stand nothing of ours fits, and the shell offers files.
std::string bash_script(const std::vector<Place>& places) {
  std::string text = fmt::format(R"(_radixbench() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path ${{COMP_WORDS[i]}}" in
      {}) path="$path ${{COMP_WORDS[i]}}" ;;
    esac
  done
  COMPREPLY=()
  case "$path ${{COMP_WORDS[COMP_CWORD - 1]}}" in
    {}) return ;;
  esac
  case "$path" in
)",
                                 command_paths(places),
                                 options_with_values(places));
  for (const Place& place : places) {
    std::string words;
    for (const Candidate& candidate : place.candidates) {
      words += (words.empty() ? "" : " ") + candidate.word;
    }
    text += fmt::format("    {}) words={} ;;\n", in_quotes(place.path), in_quotes(words));
  }
  return text + R"(  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -o bashdefault -F _radixbench radixbench
)";
}

std::string zsh_script(const std::vector<Place>& places) {
  std::string text = fmt::format(R"(#compdef radixbench
_radixbench() {{
  local place='' i
  local -a candidates
  for ((i = 2; i < CURRENT; i++)); do
    case "$place ${{words[i]}}" in
      {}) place="$place ${{words[i]}}" ;;
    esac
  done
  case "$place ${{words[CURRENT - 1]}}" in
    {}) _files; return ;;
  esac
  case "$place" in
)",
                                 command_paths(places),
                                 options_with_values(places));
  for (const Place& place : places) {
    text += fmt::format("    {}) candidates=(", in_quotes(place.path));
    for (const Candidate& candidate : place.candidates) {
      std::string meaning = candidate.word + ":" + candidate.meaning;
      text += " " + in_quotes(meaning);
    }
    text += ") ;;\n";
  }
  return text + R"(  esac
  _describe 'radixbench' candidates
  [[ "${words[CURRENT]}" == -* ]] || _files
}
if [[ "${funcstack[1]}" == _radixbench ]]; then
  _radixbench "$@"
else
  compdef _radixbench radixbench
fi
)";
}

std::string fish_script(const std::vector<Place>& places) {
  std::string paths;
  for (const Place& place : places) {
    if (!place.path.empty()) paths += " " + in_quotes(place.path);
  }
  std::string text = fmt::format(R"(function __radixbench_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$place $word"{}
      set place "$place $word"
    end
  end
  test "$place" = "$argv[1]"
end
)",
                                 paths);
  for (const Place& place : places) {
    for (const Candidate& candidate : place.candidates) {
      std::string name;
      if (candidate.is_command) {
        name = "-f -a " + candidate.word;
      } else if (candidate.word.starts_with("--")) {
        name = "-l " + candidate.word.substr(2);
      } else {
        name = "-s " + candidate.word.substr(1);
      }
      text += fmt::format("complete -c radixbench -n {} {}{} -d {}\n",
                          in_quotes("__radixbench_at \"" + place.path + "\""),
                          name,
                          candidate.takes_value ? " -r" : "",
                          in_quotes(candidate.meaning));
    }
  }
  return text;
}

int print_script(const CLI::App& root, const std::string& shell) {
  std::vector<Place> places;
  add_places(root, "", places);
  if (shell == "bash") {
    fmt::print("{}", bash_script(places));
  } else if (shell == "zsh") {
    fmt::print("{}", zsh_script(places));
  } else if (shell == "fish") {
    fmt::print("{}", fish_script(places));
  } else {
    return report_error(
        {ErrorCode::kInvalidArgument, fmt::format("SHELL '{}' is none of bash, zsh, fish", shell)});
  }
  return kExitFine;
}

constexpr const char* kExamples = R"(Examples:
  source <(radixbench completion bash)
  radixbench completion zsh > ~/.zfunc/_radixbench
  radixbench completion fish > ~/.config/fish/completions/radixbench.fish)";

}  // namespace

void add_completion_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* completion =
      app.add_subcommand("completion", "A script that completes commands and options in a shell");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "bash, zsh or fish")->required();
  completion->footer(kExamples);
  commands.push_back({completion, [root = &app, shell] { return print_script(*root, *shell); }});
}

}  // namespace radixbench

#include "cmd_baseline.h"

#include "columns.h"
#include "exit_codes.h"
#include "git_history.h"
#include "launch_inputs.h"

#include "base/clock.h"
#include "report/baseline_store.h"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

struct BaselineArguments {
  std::string directory = kBaselineDirectory;
  std::string name, entry, commit, reason;
  std::vector<std::string> paths;
  std::size_t keep = 50;
  bool is_held_back = false;
};

std::string utc_now() {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  constexpr std::int64_t kMsPerS = 1000;
  const std::int64_t ms = wall_clock_ns() / kNsPerMs;
  return fmt::format("{:%Y%m%dT%H%M%S}.{:03}Z", fmt::gmtime(ms / kMsPerS), ms % kMsPerS);
}

int print_lines(const Result<std::vector<std::string>>& lines) {
  if (!lines) return report_error(lines.error());
  for (const std::string& line : *lines) fmt::print("{}\n", line);
  return kExitFine;
}

int save(const BaselineArguments& arguments) {
  const Result<LaunchSet> set = read_side(arguments.paths, LaunchSide::kA);
  if (!set) return report_error(set.error());
  std::string commit = arguments.commit;
  if (commit.empty()) commit = current_commit().value_or(kNoCommit);
  if (commit.find_first_not_of("0123456789abcdef") != std::string::npos || commit.size() < 7 ||
      commit.size() > 64) {
    return report_error({ErrorCode::kInvalidArgument,
                         fmt::format("--commit: '{}' is no commit: 7 to 64 hex digits", commit)});
  }
  return print_lines(BaselineStore{arguments.directory}.save(
      arguments.name, *set, {utc_now(), commit, !arguments.is_held_back}));
}

int list(const BaselineArguments& arguments) {
  const BaselineStore store{arguments.directory};
  std::vector<std::vector<std::string>> rows{
      {"name", "environment", "entries", "accepted", "head"}};
  for (const std::string& name : store.names()) {
    const Result<std::vector<BaselineFolder>> folders = store.folders(name);
    // A folder of something else is no baseline.
    if (!folders && folders.error().code == ErrorCode::kNotFound) continue;
    if (!folders) return report_error(folders.error());
    for (const BaselineFolder& folder : *folders) {
      const auto accepted = std::count_if(folder.entries.begin(),
                                          folder.entries.end(),
                                          [](const auto& entry) { return entry.is_accepted(); });
      rows.push_back({name,
                      folder.fingerprint,
                      std::to_string(folder.entries.size()),
                      std::to_string(accepted),
                      folder.head});
    }
  }
  std::string text;
  append_columns(rows, text);
  fmt::print("{}", text);
  return kExitFine;
}

// The environment in full, then an entry a row.
void show_folder(const BaselineFolder& folder) {
  fmt::print("{}\n", folder.path);
  const BaselineEntry& last = folder.entries.back();
  if (!last.set.launches.empty()) {
    for (const auto& [field, value] : last.set.launches.front().fingerprint) {
      if (!value.empty()) fmt::print("  {}: {}\n", field, value);
    }
  }
  std::vector<std::vector<std::string>> rows{{"entry", "launches", "cells", "state", "change"}};
  for (const BaselineEntry& entry : folder.entries) {
    std::set<CellKey> cells;
    for (const Launch& launch : entry.set.launches) {
      for (const LaunchCell& cell : launch.cells) cells.insert(cell.key);
    }
    const char* state = entry.name == folder.head ? "head"
                        : entry.is_accepted()     ? "accepted"
                                                  : "held back";
    rows.push_back({entry.name,
                    std::to_string(entry.set.launches.size()),
                    std::to_string(cells.size()),
                    state,
                    entry.about(kAboutChange)});
  }
  std::string text;
  append_columns(rows, text);
  fmt::print("{}", text);
}

int show(const BaselineArguments& arguments) {
  const Result<std::vector<BaselineFolder>> folders =
      BaselineStore{arguments.directory}.folders(arguments.name);
  if (!folders) return report_error(folders.error());
  for (const BaselineFolder& folder : *folders) show_folder(folder);
  return kExitFine;
}

int promote(const BaselineArguments& arguments) {
  return print_lines(
      BaselineStore{arguments.directory}.promote(arguments.name, arguments.entry, utc_now()));
}

int annotate(const BaselineArguments& arguments) {
  return print_lines(BaselineStore{arguments.directory}.annotate(arguments.name, arguments.reason));
}

int prune(const BaselineArguments& arguments) {
  return print_lines(BaselineStore{arguments.directory}.prune(arguments.name, arguments.keep));
}

constexpr const char* kExamples =
    R"(An entry is one file of launches, DIR/NAME/ENVIRONMENT/UTC-COMMIT.summary.json, and HEAD
names the one that was accepted last; commit them or keep them in a CI cache. `gate --baseline
NAME` takes the entry of the commit where this work began, else the newest of a commit that it
comes from; outside a repository, HEAD.

Examples:
  radixbench baseline save main runs/r1 runs/r2 runs/r3 runs/r4 runs/r5
  radixbench baseline save main runs/ab@B --hold-back
  radixbench baseline promote main 20261125T2
  radixbench baseline annotate main --distribution-change "new host"
  radixbench baseline prune main --keep 50

Exit codes: 64 usage (a launch that failed is no baseline), 65 an entry that can't be read, 66 no
such run, baseline or entry, 73, 74 it can't be written.)";

using Verb = int (*)(const BaselineArguments&);

CLI::App* add_verb(CLI::App& noun,
                   std::vector<Command>& commands,
                   std::pair<const char*, const char*> name_and_help,
                   const std::shared_ptr<BaselineArguments>& arguments,
                   Verb verb) {
  CLI::App* app = noun.add_subcommand(name_and_help.first, name_and_help.second);
  app->add_option("--dir", arguments->directory, "Where baselines are")->capture_default_str();
  commands.push_back({app, [arguments, verb] { return verb(*arguments); }});
  return app;
}

void add_name(CLI::App* app, BaselineArguments& arguments) {
  app->add_option("NAME", arguments.name, "The baseline's name")->required();
}

}  // namespace

void add_baseline_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* noun = app.add_subcommand("baseline", "Launches to gate later ones against");
  noun->require_subcommand(1);
  noun->footer(kExamples);
  const auto arguments = std::make_shared<BaselineArguments>();
  CLI::App* saving = add_verb(*noun, commands, {"save", "Make an entry of runs"}, arguments, save);
  add_name(saving, *arguments);
  saving->add_option("RUN", arguments->paths, "Runs, folders of them, files of launches")
      ->required();
  saving->add_option("--commit", arguments->commit, "The program's commit; git's HEAD otherwise");
  saving->add_flag("--hold-back", arguments->is_held_back, "Don't accept it yet");
  add_verb(*noun, commands, {"list", "All baselines"}, arguments, list);
  add_name(add_verb(*noun, commands, {"show", "The entries of one"}, arguments, show), *arguments);
  CLI::App* promoting =
      add_verb(*noun, commands, {"promote", "Accept an entry"}, arguments, promote);
  add_name(promoting, *arguments);
  promoting->add_option("ENTRY", arguments->entry, "Its name or commit, or how it begins")
      ->required();
  CLI::App* annotating = add_verb(
      *noun, commands, {"annotate", "Say that times changed for good"}, arguments, annotate);
  add_name(annotating, *arguments);
  annotating->add_option("--distribution-change", arguments->reason, "Why")->required();
  CLI::App* pruning = add_verb(*noun, commands, {"prune", "Remove old entries"}, arguments, prune);
  add_name(pruning, *arguments);
  pruning->add_option("--keep", arguments->keep, "How many an environment")->capture_default_str();
}

}  // namespace radixbench

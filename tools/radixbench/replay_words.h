#pragma once

#include "base/result.h"
#include "replay/plan.h"

#include <CLI/CLI.hpp>

#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// Replays that other commands start are words on a command line; these are their words.

// Name (without dashes; of TRACE: trace) and default of each option of a replay but --output.
std::vector<std::pair<std::string, std::string>> replay_defaults();

// Of a command that has the options of a replay among its own: those that were given, each as
// --name=value, TRACE as it is.
std::vector<std::string> given_words(const CLI::App& app);

// The words of one option: none where a list is to be empty (none), TRACE as it is.
std::vector<std::string> words_of(const std::string& name, const std::string& value);

// The words as `replay` would take them: options that are each fine and go together. Errors as
// those of a replay with them: kInvalidArgument, kConfiguration.
Result<ReplayOptions> check_words(const std::vector<std::string>& words);

}  // namespace radixbench

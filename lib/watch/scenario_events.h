#pragma once

#include "base/result.h"
#include "watch/scenario.h"

#include <string>
#include <vector>

namespace radixbench {

// What a line makes a rank do: its verb and the words after it. kCorrupt saying what is wrong.
Result<ScenarioEvent> parse_event(std::string_view verb, std::vector<std::string> arguments);

// The same as text, verb first.
std::string write_event(const ScenarioEvent& event);

}  // namespace radixbench

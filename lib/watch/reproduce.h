#pragma once

#include "watch/diagnose.h"
#include "watch/recording.h"
#include "watch/scenario.h"

#include <cstdint>
#include <set>
#include <span>
#include <string>

namespace radixbench {

// Which part of what was recorded a scenario is to repeat.
struct ScenarioCut {
  std::uint64_t last_steps = 0;  // of the run; 0: only what came after the last step began
  std::set<std::string> groups;  // name{ranks}; calls on others are left out. Empty: all
};

// The recorded calls, decisions and creations as a scenario that makes them again, with the results
// of calls as what ranks give to them: nobody records what they gave. `layout` as its spec.
Scenario reproduce(std::span<const Recording> recordings,
                   const DiagnoseOptions& options,
                   const std::string& layout,
                   const ScenarioCut& cut);

// The groups that a verdict and those who wait name, as ScenarioCut has them.
std::set<std::string> named_groups(const Diagnosis& diagnosis);

}  // namespace radixbench

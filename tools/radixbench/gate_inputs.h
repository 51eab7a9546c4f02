#pragma once

#include "base/result.h"
#include "stats/gate_launches.h"

#include <string>
#include <vector>

namespace radixbench {

struct GateInputArguments {
  std::vector<std::string> paths;
  std::string baseline, baseline_lenient;  // NAME or NAME@ENTRY
  std::string directory;                   // of baselines
  std::string base;                        // the branch to merge into
};

// What is judged against what.
struct GateInputs {
  LaunchSet a, b;
  std::vector<LaunchSet> history;  // earlier baselines of the same environment
  std::string problem;             // why there is nothing to compare; empty where there is
};

// kInvalidArgument where the number of paths is not what is needed; kNotFound, kCorrupt as reading
// them gives.
Result<GateInputs> read_gate_inputs(const GateInputArguments& arguments);

}  // namespace radixbench

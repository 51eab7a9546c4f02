#pragma once

#include "base/result.h"
#include "sweep_session.h"

#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// How long cells will take, and how that is known.
struct SweepEstimate {
  std::vector<std::optional<double>> seconds;  // by cell; nothing of those skipped
  std::string source;                          // in words
};

// From cells that are done where there are some, else from two short runs of the first cell that is
// to run, in a temporary folder. Time is taken to grow with requests times ranks; a cell on the
// wall clock takes no less than its arrivals do.
Result<SweepEstimate> estimate_sweep(const SweepPlan& plan,
                                     const SweepState& state,
                                     ChildRunner& runner);

}  // namespace radixbench

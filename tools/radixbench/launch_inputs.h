#pragma once

#include "base/result.h"
#include "stats/gate_launches.h"

#include <string>
#include <vector>

namespace radixbench {

// The launches of what a person names: a file of launches or a folder with one (what `ab` left), a
// run.h5 or a run's folder, or a folder of such folders, one launch a run. A run's folder without
// run.h5 is a launch that failed. kNotFound where there is nothing of the kind.
Result<LaunchSet> read_launch_input(const std::string& path);

// Several of them as one set that was not paired, all of them on `side`. An input that holds sides
// of its own is told by PATH@A or PATH@B which of them is meant. kInvalidArgument where it isn't.
Result<LaunchSet> read_side(const std::vector<std::string>& paths, LaunchSide side);

}  // namespace radixbench

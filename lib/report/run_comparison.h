#pragma once

#include "record/hdf5_master.h"

#include <span>
#include <string>

namespace radixbench {

struct ComparedRun {
  std::string label;  // where it was found
  MasterData data;
};

// Runs side by side, the first being what the others are set against: options that differ, exact
// counts that differ, medians with their ratios. It describes and decides nothing. Two runs at
// least.
std::string run_comparison(std::span<const ComparedRun> runs);

}  // namespace radixbench

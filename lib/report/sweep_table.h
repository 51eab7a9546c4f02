#pragma once

#include "record/hdf5_master.h"
#include "study/sweep_state.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// A figure that a sweep shows of each run.
struct SweepFigure {
  std::string_view name;     // in files: unit last
  std::string_view heading;  // on the console
  bool is_time = false;      // in ns
  std::string_view meaning;
};

// Times and operations come first, then tokens by tier, then tokens by fate.
std::span<const SweepFigure> sweep_figures();

// The figures of one run, name and value; one that the run doesn't have is left out, never 0.
std::vector<std::pair<std::string, double>> figures_of_run(const MasterData& run);

// For people: a row a cell, with why cells were skipped or failed below.
std::string sweep_table(const SweepState& sweep);
// One row a cell under a heading row; empty where there is no figure. RFC 4180, lines end with \n.
std::string sweep_csv(const SweepState& sweep);
std::string sweep_markdown(const SweepState& sweep);

}  // namespace radixbench

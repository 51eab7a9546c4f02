#pragma once

#include "base/result.h"
#include "study/child_runner.h"
#include "study/sweep_cells.h"
#include "study/sweep_state.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace radixbench {

struct SweepPlan {
  std::string folder;
  std::vector<std::string> options;  // words that all cells have
  std::vector<SweepCell> cells;
  std::chrono::nanoseconds timeout{0};  // of a cell
  bool keeps_runs = true;
};

// The words of a cell's `replay`, but where its files go.
std::vector<std::string> words_of_cell(const SweepPlan& plan, const SweepCell& cell);

// Cells that nobody ran yet.
Result<SweepState> new_state(const SweepPlan& plan);

// The state that the folder holds. kNotFound where there is none, kConfiguration where it is of
// another sweep or program, naming what differs.
Result<SweepState> resumed_state(const SweepPlan& plan);

// Makes the folder for a new sweep. kCannotCreate where it holds one already.
Result<void> make_folder(const SweepPlan& plan);

// Runs the cells that are pending, each as a process of its own, and writes the state after each:
// at once, by renaming. Stops early when this process is told to (runner.interrupted_by()); what
// the cell under way has written is removed. `ended` is told of each cell's end.
Result<void> run_cells(const SweepPlan& plan,
                       SweepState& state,
                       ChildRunner& runner,
                       const std::function<void(std::size_t number)>& ended);

}  // namespace radixbench

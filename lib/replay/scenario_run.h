#pragma once

#include "base/result.h"
#include "comm/nccl_world.h"
#include "watch/recording.h"
#include "watch/scenario.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {

struct ScenarioRunOptions {
  std::string transport{"threads"};  // or shm, gloo, mpi, nccl: each rank a process
  NcclOptions nccl{};
  std::uint64_t seed = 1;   // of numbers and times that are drawn
  double time_scale = 1.0;  // of sleeps, activities and the deadline of calls
  bool has_fault = true;
  std::uint32_t ring_record_count = 16'384;  // a power of two
  // However the ranks fare, they are interrupted after this, and killed where they are processes.
  std::chrono::nanoseconds run_deadline{std::chrono::seconds{60}};
};

struct ScenarioRun {
  std::vector<Recording> recordings;  // by rank, as they were when nobody could go on
  // Of the calls and creations that failed, the first of each rank, by rank; without that, empty.
  std::vector<std::string> failures;
  bool was_given_up = false;  // run_deadline passed
};

// Runs a scenario with real communicators, and reads what each rank recorded. A thread whose call
// failed stops there; a rank without failure stays until nobody has anything left to do. Over shm
// to be called before the process has a second thread.
//
// kUnsupported for a transport that is not named above or lacks what the scenario needs; kCorrupt
// for a scenario that cannot be run.
Result<ScenarioRun> run_scenario(const Scenario& scenario, const ScenarioRunOptions& options);

}  // namespace radixbench

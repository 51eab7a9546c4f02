#pragma once

#include "base/result.h"
#include "watch/scenario.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// A scenario's line as one thread runs it: names have become numbers, and lines that do not take
// part are gone.
struct ScenarioOp {
  const ScenarioLine* line = nullptr;  // none: starts `target`
  std::uint16_t site = 0;              // as in Call
  std::uint16_t guard = 0;             // as in Guard
  std::uint32_t slot = 0;              // of a group's name or a mark's
  std::uint32_t peer = 0;              // member index
  // A repeat's end or beginning; the thread that is started.
  std::uint32_t target = 0;
};

struct ScenarioThread {
  std::string name;
  std::vector<ScenarioOp> ops;
};

// One rank's threads, the first of which is there from the beginning.
struct ScenarioRankProgram {
  std::vector<ScenarioThread> threads;
};

struct ScenarioName {
  std::uint16_t number = 0;
  std::string name;
};

struct ScenarioProgram {
  std::vector<ScenarioRankProgram> ranks;
  std::vector<ScenarioName> sites;  // that lib/layout does not have
  std::vector<ScenarioName> guards;
  std::uint32_t group_slots = 0;
  std::uint32_t mark_slots = 0;
  bool has_calls_between_two = false;
};

// `scenario` must outlive the program. kCorrupt naming the scenario's line where it asks for more
// than a ring has room for, or for a peer that is not in its group.
Result<ScenarioProgram> compile(const Scenario& scenario, bool has_fault);

}  // namespace radixbench

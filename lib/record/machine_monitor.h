#pragma once

#include "record/rows.h"

#include <cstdint>

namespace radixbench {

// Reads what /proc says of the machine and of this process. What is not there stays zero.
class MachineMonitor {
 public:
  // The share of stolen time is of the time since the call before, or since boot.
  MonitorRow sample();

 private:
  std::uint64_t ticks_ = 0;
  std::uint64_t ticks_stolen_ = 0;
};

}  // namespace radixbench

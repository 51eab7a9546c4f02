#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// A fault to put into one rank of a replay, by name.
struct FaultSpec {
  enum class Kind : std::uint8_t {
    kFailBackup,         // its nth backup finds no host pages
    kFailPrefetchAlloc,  // its nth prefetch finds no host pages
    kMiscountSlots,      // its nth count of free request slots says 0
    kSlowCalls,          // its collectives take longer
    kKill,               // SIGKILL, at a moment
  };
  enum class Moment : std::uint8_t {
    kRendezvous,    // before it met anybody
    kGroups,        // while groups are made
    kCall,          // in its nth call on the scheduler thread
    kPrefetchCall,  // in its nth call on the prefetch thread
    kStep,          // in its nth step: what the writer thread does then is as it comes
    kShutdown,      // while it closes its record
  };
  Kind kind = Kind::kFailBackup;
  Rank rank = 0;
  std::uint64_t nth = 1;
  Moment moment = Moment::kCall;  // kill only
  std::int64_t after_us = 0;      // kill only: so long after the moment
  std::int64_t delay_ns = 0;      // slow calls only
};

// name:rank=R[,n=N]  or  slow_calls:rank=R,us=T  or  kill:rank=R,at=MOMENT[,n=N][,after_us=T]
Result<FaultSpec> parse_fault(std::string_view text);
// Each fault with what it does, a line each.
std::vector<std::string> describe_faults();

}  // namespace radixbench

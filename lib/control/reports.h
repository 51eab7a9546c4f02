#pragma once

#include "base/ids.h"

#include <cstdint>

namespace radixbench {

// What became of one prefetch; tokens. requested is the sum of not_in_storage, below_threshold,
// cut, existing, aborted, no_room and inserted. Equal on the ranks of a replica that agree, but for
// own_completed and last_page_ns.
struct PrefetchReport {
  RequestId request = 0;
  std::uint64_t started_step = 0;
  std::uint64_t applied_step = 0;
  std::int64_t started_ns = 0;
  std::int64_t last_page_ns = -1;  // when this rank's last agreed page had come; -1: none did
  std::int64_t applied_ns = -1;
  std::uint32_t own_completed = 0;  // what this rank had when it was stopped
  std::uint32_t requested = 0;
  std::uint32_t not_in_storage = 0;
  std::uint32_t below_threshold = 0;
  std::uint32_t cut = 0;  // in storage, but not there on every rank when the stop was applied
  std::uint32_t existing = 0;
  std::uint32_t aborted = 0;
  std::uint32_t no_room = 0;
  std::uint32_t inserted = 0;
  std::uint32_t inserted_from = 0;  // position of the first inserted token in the request
};

}  // namespace radixbench

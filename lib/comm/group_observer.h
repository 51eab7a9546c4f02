#pragma once

#include "comm/communicator.h"

#include <chrono>
#include <cstdint>

namespace radixbench {

// Hears of each creation of a group, on the thread that makes it and in the order in which it makes
// them; of those too that this rank is no member of and passes by. Must not block.
class GroupObserver {
 public:
  virtual ~GroupObserver() = default;
  // Before open() can block. A rank that is no member does not wait, and opened() does not follow.
  virtual void opening(const GroupSpec& group,
                       bool is_member,
                       std::uint16_t site,
                       std::chrono::nanoseconds timeout) = 0;
  // Of the last opening().
  virtual void opened(bool is_ok) = 0;
};

}  // namespace radixbench

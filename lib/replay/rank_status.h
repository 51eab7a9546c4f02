#pragma once

#include "base/error.h"
#include "comm/observed_communicator.h"

#include <cstdint>
#include <string>

namespace radixbench {

enum class RankPhase : std::uint8_t { kStarting, kOpeningGroups, kRunning, kClosing, kDone };

// Where a rank is, for whoever supervises it; a seam for faults too. On the rank's own threads,
// must not block.
class RankStatusSink {
 public:
  virtual ~RankStatusSink() = default;
  virtual void reached(RankPhase phase) = 0;
  virtual void entered(const CallRecord& record) = 0;
  virtual void stepped(std::uint64_t step, std::int64_t now_ns, std::uint64_t requests_ended) = 0;
  // Something that must hold at the end of a run does not.
  virtual void violated(const std::string& what) = 0;
  virtual void failed(const Error& error) = 0;
  // A library is about to end the process, from a thread of its own; in its words.
  virtual void ended_by_library(const std::string& words) = 0;
  // Whether the rank is to give up, also where it makes no call that would tell it.
  [[nodiscard]] virtual bool is_asked_to_end() const = 0;
};

}  // namespace radixbench

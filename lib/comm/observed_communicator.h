#pragma once

#include "comm/communicator.h"

#include <array>

namespace radixbench {

// One call as an observer sees it. `group` and `call` outlive the callbacks only; times are
// monotonic_ns(). In left(), `results` holds the first elements of what the call left in place.
struct CallRecord {
  const GroupSpec* group = nullptr;
  CallKind kind = CallKind::kBarrier;
  ReduceOp op = ReduceOp::kMin;            // of an all-reduce
  ElementType type = ElementType::kInt32;  // of a call with elements
  std::uint32_t root = 0;                  // of a broadcast; of a send or receive the peer's index
  std::uint32_t element_count = 0;
  Call call;
  std::uint64_t sequence = 0;  // the group's calls, from 0; sends and receives apart, by peer
  std::int64_t enter_ns = 0;
  std::int64_t exit_ns = 0;  // left() only
  bool is_ok = false;        // left() only
  std::array<std::int64_t, 8> results{};
  std::uint32_t result_count = 0;
};

// Hears of each call on the thread that makes it: before it can block, and after it returned. Must
// not block. One observer may hear of groups of several threads.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void entered(const CallRecord& record) = 0;
  virtual void left(const CallRecord& record) = 0;
};

// Wraps `inner`; `observer` must outlive the result.
std::unique_ptr<Communicator> observe(std::unique_ptr<Communicator> inner, CallObserver& observer);

}  // namespace radixbench

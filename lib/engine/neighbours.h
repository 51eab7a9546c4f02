#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "engine/options.h"
#include "engine/rank_groups.h"
#include "layout/layout.h"

#include <cstdint>
#include <vector>

namespace radixbench {

// What the entry rank of a replica tells the others at the top of an iteration.
struct Inbox {
  std::int64_t now_ns = 0;
  std::uint64_t arrived_count = 0;  // requests of the trace that have come by now
  bool is_stop = false;
  std::vector<RequestId> aborts;
};
constexpr std::size_t kAbortsPerStepMax = 12;

// What a rank says of itself in the forward pass, and what all said. Under DP attention over the
// stage, else this rank's own.
struct StageView {
  std::int64_t next_now_ns = 0;  // busy ranks: the latest; all idle: the earliest
  bool is_everyone_done = false;
  std::vector<std::uint32_t> queue_lengths;  // a replica
};

// The collectives that an engine makes round the control sites (SGLang 6.1): they are real and
// recorded, so that a skipped control call has something to pair with.
class Neighbours {
 public:
  Neighbours(const Layout& layout,
             Rank rank,
             const RankGroups& groups,
             std::chrono::nanoseconds call_deadline,
             bool is_on);

  [[nodiscard]] bool is_entry() const { return is_entry_; }
  // recv_requests: the entry rank's inbox reaches the replica. Under DP attention over attention
  // TP, then attention CP; else over tp.
  Result<Inbox> receive(const Inbox& own);
  // forward: an all-reduce on attention TP, and under DP attention an all-gather on tp.
  Result<StageView> forward(std::int64_t next_now_ns,
                            bool is_busy,
                            bool is_done,
                            std::uint32_t queue_length);

 private:
  [[nodiscard]] Call call(std::uint16_t site) const;

  std::chrono::nanoseconds call_deadline_;
  bool is_on_;
  bool is_entry_;
  std::uint32_t replica_;
  std::uint32_t replica_count_;
  std::vector<Communicator*> receive_hops_;
  Communicator* attention_tp_device_;
  Communicator* tp_device_;
};

}  // namespace radixbench

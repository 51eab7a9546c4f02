#pragma once

#include "base/result.h"
#include "control/control_context.h"
#include "control/device_allocator.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace radixbench {

// Host-only prefixes back to the device (J 2.5). Loads are queued during admission and started
// together, once a batch. One owner: the scheduler thread.
class LoadBack {
 public:
  LoadBack(ControlContext& context, DeviceAllocator& device);

  // Queues the load of the host-only nodes that end in match.best_node and commits it to the tree.
  // `seeds`: what the bytes of those pages must be made from. False where it is refused: fewer
  // tokens than the threshold, more than `quota_pages`, or no device room.
  bool load(const Match& match, std::uint64_t quota_pages, std::span<const std::uint64_t> seeds);
  // Starts what is queued; answers when it will have ended, or nothing if none was queued.
  std::optional<std::int64_t> start_queued();
  // loading_check: acknowledges loads that ended, as many as is agreed (or, under j, as this rank
  // sees).
  Result<void> check();

  [[nodiscard]] std::size_t in_flight() const {
    return batches_.size() + (queued_.empty() ? 0U : 1U);
  }
  // Device pages locked until their load is acknowledged.
  [[nodiscard]] std::uint64_t pages_in_flight() const { return pages_in_flight_; }

 private:
  struct Load {
    NodeId locked_from;
    std::vector<PageId> host_pages;
    std::vector<PageId> device_pages;
    std::vector<std::uint64_t> seeds;
  };
  using Batch = std::vector<Load>;

  Result<void> acknowledge();

  ControlContext& context_;
  DeviceAllocator& device_;
  SerialWorker copies_;
  Batch queued_;
  std::deque<Batch> batches_;
  std::uint64_t next_batch_ = 0;
  std::uint64_t pages_in_flight_ = 0;
  std::vector<std::byte> bytes_;  // of a page that is looked at
};

}  // namespace radixbench

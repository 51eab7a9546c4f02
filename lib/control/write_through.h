#pragma once

#include "base/result.h"
#include "control/control_context.h"
#include "control/storage_index.h"

#include <cstdint>
#include <deque>
#include <span>

namespace radixbench {

// Copies of nodes to the host, and from there to storage (J 2.3, 2.4, 3.9). One owner: the
// scheduler thread.
class WriteThrough {
 public:
  // `storage` may be null: no storage tier.
  WriteThrough(ControlContext& context, StorageIndex* storage);

  // Backs up the nodes that have no host copy, each after its parent.
  void back_up(std::span<const NodeId> nodes);
  // writing_check: how many copies ended is agreed, and that many are acknowledged.
  Result<void> check();
  // Storage backups that have ended, for the drain.
  Result<std::size_t> stored_count();
  void pop_stored(std::size_t count);

  [[nodiscard]] std::size_t in_flight() const { return writes_.size(); }
  [[nodiscard]] std::size_t storing() const { return stores_.size(); }
  // Device pages that are locked until their copy is acknowledged; agreed, as acks are.
  [[nodiscard]] std::uint64_t pages_in_flight() const { return pages_in_flight_; }

 private:
  struct Write {
    std::uint64_t ack_id;
    std::uint32_t page_count;
  };
  struct Store {
    NodeId locked;
    std::uint32_t page_count;
  };

  bool back_up_one(NodeId node);
  void acknowledge();
  void store(NodeId node);

  ControlContext& context_;
  StorageIndex* storage_;
  SerialWorker copies_;
  std::deque<Write> writes_;
  std::deque<Store> stores_;
  std::uint64_t next_attempt_ = 0;
  std::uint64_t next_ack_id_ = 1;
  std::uint64_t next_store_ = 0;
  std::uint64_t pages_in_flight_ = 0;
};

}  // namespace radixbench

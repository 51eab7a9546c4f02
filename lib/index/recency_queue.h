#pragma once

#include "index/tree_node.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// The nodes of one tier in order of last access, made to answer one question: which of those that
// may be evicted is the oldest? SGLang builds a heap of all leaves for each answer; here it costs a
// few list steps.
//
// Nodes stand in a list from newest to oldest. Ancestors are put in front of their descendants, so
// the old end nearly always is a leaf. A node found there that may not be evicted (it is locked, or
// has children) is parked; when it becomes a candidate it goes to a small heap, ordered by stamp,
// and so does a candidate that joins with an old stamp (its pages just changed tier). The oldest is
// the older one of heap top and list end. Each node is parked once a time it was accessed, so
// however many are locked, the price is paid by their accesses.
class RecencyQueue {
 public:
  // Device: candidates are unlocked and have no child on the device. Host: the nodes that only the
  // host holds; candidates are not host-locked and have no child at all.
  enum class Tier : std::uint8_t { kDevice, kHost };

  RecencyQueue(NodeArray& nodes, Tier tier) : nodes_{nodes}, tier_{tier} {}

  // With the stamp it has, which may be older than others'.
  void add(std::uint32_t node);
  // `upper` was split off `lower`: the same stamp, and next to it.
  void add_beside(std::uint32_t upper, std::uint32_t lower);
  void remove(std::uint32_t node);
  // Its stamp has just become the greatest.
  void touch(std::uint32_t node);
  // To be called when what keeps a node from being a candidate may have gone.
  void reconsider(std::uint32_t node) {
    if (nodes_[node].place == QueuePlace::kParked && is_candidate(nodes_[node])) make_ready(node);
  }
  // 0 where there is none.
  std::uint32_t oldest_candidate();

  [[nodiscard]] bool is_candidate(const TreeNode& node) const {
    return tier_ == Tier::kDevice ? node.lock_count == 0 && node.device_child_count == 0
                                  : node.host_lock_count == 0 && node.child_count == 0;
  }
  [[nodiscard]] std::size_t bytes() const { return ready_.capacity() * sizeof(Ready); }
  // What is wrong with list and heap, given that `node_count` nodes belong here.
  [[nodiscard]] std::optional<std::string> check(std::size_t node_count) const;

 private:
  struct Ready {
    std::uint64_t stamp;
    std::uint32_t node;
  };

  [[nodiscard]] bool holds(const TreeNode& node) const {
    return node.is_on_device == (tier_ == Tier::kDevice);
  }
  // Entries outlive what they say: nodes are touched, locked and evicted without a search here.
  [[nodiscard]] bool is_current(const Ready& entry) const {
    const TreeNode& node = nodes_[entry.node];
    return node.place == QueuePlace::kReady && node.stamp == entry.stamp && holds(node);
  }
  void make_ready(std::uint32_t node);
  void link_newest(std::uint32_t node);
  void unlink(std::uint32_t node);
  void park_oldest();
  void settle_heap();
  void drop_stale();

  NodeArray& nodes_;
  Tier tier_;
  std::uint32_t newest_ = 0;
  std::uint32_t oldest_ = 0;
  std::size_t ready_count_ = 0;
  std::vector<Ready> ready_;  // a heap, least stamp first
};

}  // namespace radixbench

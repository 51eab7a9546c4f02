#include "index/recency_queue.h"

#include <fmt/format.h>

#include <algorithm>

namespace radixbench {
namespace {

constexpr std::size_t kStaleMin = 64;

// std::*_heap keep the greatest in front; here that is the least stamp.
constexpr auto kLater = [](const auto& a, const auto& b) { return a.stamp > b.stamp; };

}  // namespace

void RecencyQueue::add(std::uint32_t node) {
  if (newest_ == 0 || nodes_[newest_].stamp < nodes_[node].stamp) {
    link_newest(node);
  } else if (is_candidate(nodes_[node])) {
    make_ready(node);
  } else {
    nodes_[node].place = QueuePlace::kParked;
  }
}

void RecencyQueue::add_beside(std::uint32_t upper, std::uint32_t lower) {
  TreeNode& added = nodes_[upper];
  if (nodes_[lower].place != QueuePlace::kListed) {
    added.place = QueuePlace::kParked;  // it has a child now
    return;
  }
  added.place = QueuePlace::kListed;
  added.older = lower;
  added.newer = nodes_[lower].newer;
  nodes_[lower].newer = upper;
  (added.newer != 0 ? nodes_[added.newer].older : newest_) = upper;
}

void RecencyQueue::remove(std::uint32_t node) {
  TreeNode& gone = nodes_[node];
  if (gone.place == QueuePlace::kListed) unlink(node);
  if (gone.place == QueuePlace::kReady) --ready_count_;
  gone.place = QueuePlace::kNone;
}

void RecencyQueue::touch(std::uint32_t node) {
  TreeNode& touched = nodes_[node];
  if (touched.place == QueuePlace::kListed) {
    if (newest_ == node) return;
    unlink(node);
  } else if (touched.place == QueuePlace::kReady) {
    --ready_count_;
  }
  link_newest(node);
}

std::uint32_t RecencyQueue::oldest_candidate() {
  while (oldest_ != 0 && !is_candidate(nodes_[oldest_])) park_oldest();
  settle_heap();
  if (ready_.empty()) return oldest_;
  const Ready& first = ready_.front();
  return oldest_ != 0 && nodes_[oldest_].stamp < first.stamp ? oldest_ : first.node;
}

void RecencyQueue::make_ready(std::uint32_t node) {
  nodes_[node].place = QueuePlace::kReady;
  ++ready_count_;
  if (ready_.size() > 2 * ready_count_ + kStaleMin) drop_stale();
  ready_.push_back({nodes_[node].stamp, node});
  std::push_heap(ready_.begin(), ready_.end(), kLater);
}

void RecencyQueue::link_newest(std::uint32_t node) {
  TreeNode& linked = nodes_[node];
  linked.place = QueuePlace::kListed;
  linked.newer = 0;
  linked.older = newest_;
  (newest_ != 0 ? nodes_[newest_].newer : oldest_) = node;
  newest_ = node;
}

void RecencyQueue::unlink(std::uint32_t node) {
  const TreeNode& gone = nodes_[node];
  (gone.newer != 0 ? nodes_[gone.newer].older : newest_) = gone.older;
  (gone.older != 0 ? nodes_[gone.older].newer : oldest_) = gone.newer;
}

void RecencyQueue::park_oldest() {
  const std::uint32_t node = oldest_;
  unlink(node);
  nodes_[node].place = QueuePlace::kParked;
}

// Leaves a candidate on top, or nothing.
void RecencyQueue::settle_heap() {
  while (!ready_.empty()) {
    const Ready first = ready_.front();
    const bool counts = is_current(first);
    if (counts && is_candidate(nodes_[first.node])) return;
    if (counts) {
      nodes_[first.node].place = QueuePlace::kParked;
      --ready_count_;
    }
    std::pop_heap(ready_.begin(), ready_.end(), kLater);
    ready_.pop_back();
  }
}

void RecencyQueue::drop_stale() {
  std::erase_if(ready_, [this](const Ready& entry) { return !is_current(entry); });
  std::make_heap(ready_.begin(), ready_.end(), kLater);
}

std::optional<std::string> RecencyQueue::check(std::size_t node_count) const {
  std::size_t listed = 0;
  std::uint32_t newer = 0;
  for (std::uint32_t node = newest_; node != 0; node = nodes_[node].older) {
    const TreeNode& here = nodes_[node];
    if (here.place != QueuePlace::kListed || !holds(here) || here.newer != newer) {
      return fmt::format("node {} stands in a list that it does not belong to", node);
    }
    if (newer != 0 && nodes_[newer].stamp < here.stamp) {
      return fmt::format("node {} is listed older than its access", node);
    }
    if (++listed > node_count) return "a recency list goes round";
    newer = node;
  }
  if (newer != oldest_) return "the old end of a recency list is not where it ends";
  std::size_t elsewhere = 0;
  std::size_t ready = 0;
  for (std::uint32_t node = 1; node < nodes_.size(); ++node) {
    const TreeNode& here = nodes_[node];
    if (here.page_count == 0 || !holds(here)) continue;
    if (here.place == QueuePlace::kParked) {
      ++elsewhere;
      if (is_candidate(here)) return fmt::format("node {} is parked and may be evicted", node);
    } else if (here.place == QueuePlace::kReady) {
      ++elsewhere;
      ++ready;
      const bool is_there = std::any_of(ready_.begin(), ready_.end(), [&](const Ready& entry) {
        return entry.node == node && entry.stamp == here.stamp;
      });
      if (!is_there) return fmt::format("node {} is ready and not in the heap", node);
    }
  }
  if (ready != ready_count_) return fmt::format("{} ready nodes, {} counted", ready, ready_count_);
  if (listed + elsewhere != node_count) {
    return fmt::format("{} nodes in a queue of {}", listed + elsewhere, node_count);
  }
  if (!std::is_heap(ready_.begin(), ready_.end(), kLater)) return "the ready heap is no heap";
  return std::nullopt;
}

}  // namespace radixbench

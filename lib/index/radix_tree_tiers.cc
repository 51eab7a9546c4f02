#include "base/check.h"
#include "index/radix_tree.h"
#include "index/radix_tree_impl.h"

#include <algorithm>
#include <utility>

namespace radixbench {

void RadixTree::evict_device(std::size_t page_count, Eviction& freed) {
  Impl& tree = *impl_;
  const std::uint64_t pages_before = tree.counts.device_pages;
  while (pages_before - tree.counts.device_pages < page_count) {
    const NodeId victim = tree.device_queue.oldest_candidate();
    if (victim == kRootNode) return;
    if (tree.nodes[victim].is_on_host) {
      tree.demote(victim, freed.device_pages);
    } else {
      tree.remove_leaf(victim, freed);
    }
  }
}

void RadixTree::evict_host(std::size_t page_count, Eviction& freed) {
  Impl& tree = *impl_;
  const std::uint64_t pages_before = tree.counts.host_pages;
  while (pages_before - tree.counts.host_pages < page_count) {
    const NodeId victim = tree.host_queue.oldest_candidate();
    if (victim == kRootNode) return;
    tree.remove_leaf(victim, freed);
  }
}

Eviction RadixTree::evict_device(std::size_t page_count) {
  Eviction freed;
  evict_device(page_count, freed);
  return freed;
}

Eviction RadixTree::evict_host(std::size_t page_count) {
  Eviction freed;
  evict_host(page_count, freed);
  return freed;
}

void RadixTree::begin_backup(NodeId node,
                             std::span<const PageId> host_pages,
                             std::uint64_t ack_id) {
  Impl& tree = *impl_;
  RADIXBENCH_CHECK(tree.is_live(node) && node != kRootNode);
  TreeNode& source = tree.nodes[node];
  RADIXBENCH_CHECK(source.is_on_device && !source.is_on_host && source.pending_write == 0);
  RADIXBENCH_CHECK(source.parent == kRootNode || tree.nodes[source.parent].is_on_host);
  RADIXBENCH_CHECK(host_pages.size() == source.page_count);
  const bool is_new = tree.pending.try_emplace(ack_id, Impl::PendingWrite{node, {node}}).second;
  RADIXBENCH_CHECK(ack_id > 0 && is_new);
  source.pending_write = ack_id;
  tree.give_host(node, host_pages);
  tree.lock_path(node);
}

std::vector<NodeId> RadixTree::finish_backup(std::uint64_t ack_id) {
  Impl& tree = *impl_;
  const auto found = tree.pending.find(ack_id);
  RADIXBENCH_CHECK(found != tree.pending.end());
  Impl::PendingWrite done = std::move(found->second);
  tree.pending.erase(found);
  for (const NodeId node : done.nodes) {
    tree.nodes[node].pending_write = 0;
    tree.mark(node);
  }
  tree.unlock_path(done.locked_from);
  return std::move(done.nodes);
}

std::vector<NodeId> RadixTree::host_only_path(NodeId node) const {
  RADIXBENCH_CHECK(impl_->is_live(node));
  std::vector<NodeId> path;
  for (; !impl_->nodes[node].is_on_device; node = impl_->nodes[node].parent) path.push_back(node);
  std::reverse(path.begin(), path.end());
  return path;
}

void RadixTree::commit_load_back(std::span<const NodeId> nodes,
                                 std::span<const PageId> device_pages) {
  Impl& tree = *impl_;
  for (const NodeId id : nodes) {
    RADIXBENCH_CHECK(tree.is_live(id) && !tree.nodes[id].is_on_device);
    const TreeNode& node = tree.nodes[id];
    RADIXBENCH_CHECK(tree.nodes[node.parent].is_on_device);
    RADIXBENCH_CHECK(node.page_count <= device_pages.size());
    tree.give_device(id, device_pages.first(node.page_count));
    device_pages = device_pages.subspan(node.page_count);
  }
  RADIXBENCH_CHECK(device_pages.empty());
}

}  // namespace radixbench

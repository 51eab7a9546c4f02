#pragma once

#include "index/child_table.h"
#include "index/payload_arena.h"
#include "index/radix_tree.h"
#include "index/recency_queue.h"
#include "index/tree_digest.h"
#include "index/tree_node.h"
#include "index/word_kernels.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace radixbench {

// The tree's state and the steps that its operations are made of; each step leaves every invariant
// of check() whole. The operations themselves are spread over radix_tree*.cc by what they do.
struct RadixTree::Impl {
  // A key in the tree's units: a page is `words_per_page` 32-bit words, tokens or one PageHash.
  struct Units {
    const std::uint32_t* words = nullptr;
    std::uint32_t page_count = 0;
    std::uint32_t name_space = 0;
  };
  struct PendingWrite {
    NodeId locked_from = kNoNode;
    std::vector<NodeId> nodes;  // root to leaf
  };

  explicit Impl(const TreeOptions& tree_options);

  [[nodiscard]] Units units_of(const Key& key) const;
  [[nodiscard]] const std::uint32_t* words_of(const TreeNode& node) const {
    return reinterpret_cast<const std::uint32_t*>(node.key_block->payload()) +
           std::size_t{node.key_first} * words_per_page;
  }
  [[nodiscard]] const std::uint32_t* page_of(const Units& key, std::uint32_t page) const {
    return key.words + std::size_t{page} * words_per_page;
  }

  // The child of `parent` that begins with the page at `words`, or kRootNode.
  [[nodiscard]] NodeId find_child(NodeId parent,
                                  std::uint32_t name_space,
                                  const std::uint32_t* words) const;
  [[nodiscard]] std::uint32_t child_hash(NodeId parent,
                                         std::uint32_t name_space,
                                         const std::uint32_t* words) const;
  // Pages that `node` and the key from `page` on have in common; at least one by find_child().
  [[nodiscard]] std::uint32_t common_pages(const TreeNode& node,
                                           const Units& key,
                                           std::uint32_t page) const;
  // The child of `node` along the key, cut so that it matches to its end; kRootNode if none.
  NodeId step_down(NodeId node, const Units& key, std::uint32_t page);
  // Splits off the first `page_count` pages of `node` as its new parent, which is returned: `node`
  // stays the id of the remainder, so that what was said of its end stays true.
  NodeId split(NodeId node, std::uint32_t page_count);

  // A leaf of the key's pages from `page` on, on no tier yet: the caller gives it one at once.
  NodeId add_leaf(NodeId parent, const Key& key, const Units& units, std::uint32_t page);
  void give_device(NodeId node, std::span<const PageId> pages);
  void give_host(NodeId node, std::span<const PageId> pages);
  // Appends the pages it held to `freed`. The node must have a host copy.
  void demote(NodeId node, std::vector<PageId>& freed);
  void remove_leaf(NodeId node, Eviction& freed);

  // Makes the nodes from `node` up to, but without, `end` most recent.
  void touch_path(NodeId node, NodeId end);
  void touch(NodeId node);
  void lock_path(NodeId node);
  void unlock_path(NodeId node);

  [[nodiscard]] PageRun make_run(std::span<const PageId> pages);
  void release(PageRun& run);
  static PageRun shared_tail(const PageRun& run, std::uint32_t skipped);
  static void append_run(const PageRun& run, std::uint32_t count, std::vector<PageId>& pages);

  [[nodiscard]] RecencyQueue& queue_of(const TreeNode& node) {
    return node.is_on_device ? device_queue : host_queue;
  }
  [[nodiscard]] bool is_live(NodeId node) const {
    return node < nodes.size() && (node == kRootNode || nodes[node].page_count > 0);
  }
  void mark(NodeId node) {
    if (digest) digest->mark(node);
  }
  [[nodiscard]] std::uint64_t path_hash(NodeId node, std::uint32_t page_count) const;

  TreeOptions options;
  std::uint32_t words_per_page;
  const WordKernels& kernels;
  PayloadArena arena;
  NodeArray nodes;
  NodeId free_head = 0;  // ids not in use, linked by parent; 0 ends them
  ChildTable children;
  RecencyQueue device_queue{nodes, RecencyQueue::Tier::kDevice};
  RecencyQueue host_queue{nodes, RecencyQueue::Tier::kHost};
  std::uint64_t clock = 0;
  TreeCounts counts;
  std::unordered_map<std::uint64_t, PendingWrite> pending;
  std::unique_ptr<TreeDigest> digest;  // where options.counts_digest
  std::vector<NodeId> path_scratch;    // of gather_device(), to spare it an allocation

 private:
  NodeId take_id();
};

}  // namespace radixbench

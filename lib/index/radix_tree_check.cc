#include "index/radix_tree.h"
#include "index/radix_tree_impl.h"

#include <fmt/format.h>

#include <cstring>
#include <map>

namespace radixbench {
namespace {

using Finding = std::optional<std::string>;

// Everything that can be counted from the nodes alone.
struct Recount {
  TreeCounts counts;
  std::size_t host_only_count = 0;
  std::size_t pending_count = 0;
  std::vector<std::uint32_t> children;
  std::vector<std::uint32_t> device_children;
  std::vector<std::uint64_t> child_locks;
  std::map<const PayloadBlock*, std::uint32_t> references;
};

class Checker {
 public:
  explicit Checker(const RadixTree::Impl& tree) : tree_{tree} {}

  Finding run() {
    count();
    for (NodeId id = 1; id < tree_.nodes.size(); ++id) {
      if (tree_.nodes[id].page_count == 0) continue;
      if (Finding finding = check_node(id)) return finding;
      if (Finding finding = check_edges(id)) return finding;
    }
    if (Finding finding = check_root()) return finding;
    if (Finding finding = check_sums()) return finding;
    if (Finding finding = check_pending()) return finding;
    if (Finding finding = check_memory()) return finding;
    const std::size_t device_count = recount_.counts.node_count - recount_.host_only_count;
    if (Finding finding = tree_.device_queue.check(device_count)) return "device: " + *finding;
    if (Finding finding = tree_.host_queue.check(recount_.host_only_count)) {
      return "host: " + *finding;
    }
    return check_digest();
  }

 private:
  void count() {
    const std::size_t ids = tree_.nodes.size();
    recount_.children.resize(ids);
    recount_.device_children.resize(ids);
    recount_.child_locks.resize(ids);
    for (NodeId id = 1; id < ids; ++id) {
      const TreeNode& node = tree_.nodes[id];
      if (node.page_count > 0) count_node(node);
    }
  }

  void count_node(const TreeNode& node) {
    TreeCounts& sums = recount_.counts;
    ++sums.node_count;
    sums.device_pages += node.is_on_device ? node.page_count : 0;
    sums.device_pages_locked += node.lock_count > 0 ? node.page_count : 0;
    sums.host_pages += node.is_on_host ? node.page_count : 0;
    recount_.host_only_count += node.is_on_device ? 0 : 1;
    recount_.pending_count += node.pending_write != 0 ? 1 : 0;
    if (tree_.is_live(node.parent)) {
      ++recount_.children[node.parent];
      recount_.device_children[node.parent] += node.is_on_device ? 1 : 0;
      recount_.child_locks[node.parent] += node.lock_count;
    }
    for (const PayloadBlock* block :
         {node.key_block, node.device.block, node.host.block, node.storage.block}) {
      if (block != nullptr) ++recount_.references[block];
    }
  }

  // What holds between a node's own fields.
  [[nodiscard]] Finding check_node(NodeId id) const {
    const TreeNode& node = tree_.nodes[id];
    if (!node.is_on_device && !node.is_on_host) return fmt::format("node {} is on no tier", id);
    if (!node.is_on_device && node.lock_count > 0) {
      return fmt::format("node {} is off the device and locked", id);
    }
    if (!node.is_on_host && node.host_lock_count > 0) {
      return fmt::format("node {} is host-locked and has no host copy", id);
    }
    if (node.pending_write != 0 && (!node.is_on_host || node.lock_count == 0)) {
      return fmt::format("node {} waits for a backup and is not locked with a host copy", id);
    }
    if (tree_.options.has_storage != (node.storage.block != nullptr)) {
      return fmt::format("node {} has storage hashes or lacks them", id);
    }
    if (node.stamp == 0 || node.stamp > tree_.clock) {
      return fmt::format("node {} was accessed at a time that has not been", id);
    }
    return std::nullopt;
  }

  // What holds between a node, its parent and its children.
  [[nodiscard]] Finding check_edges(NodeId id) const {
    const TreeNode& node = tree_.nodes[id];
    if (!tree_.is_live(node.parent)) return fmt::format("node {} hangs on a dead parent", id);
    const TreeNode& parent = tree_.nodes[node.parent];
    const bool is_top = node.parent == kRootNode;
    if (!reaches_root(id)) return fmt::format("node {} is not below the root", id);
    if (node.is_on_device && !parent.is_on_device) {
      return fmt::format("node {} is on the device, its parent {} is not", id, node.parent);
    }
    if (node.is_on_host && !is_top && !parent.is_on_host) {
      return fmt::format("node {} is backed up, its parent {} is not", id, node.parent);
    }
    if (!is_top && node.name_space != parent.name_space) {
      return fmt::format("node {} is of another namespace than its parent", id);
    }
    if (node.child_count != recount_.children[id] ||
        node.device_child_count != recount_.device_children[id]) {
      return fmt::format("node {} counts {} children, {} on the device; it has {} and {}",
                         id,
                         node.child_count,
                         node.device_child_count,
                         recount_.children[id],
                         recount_.device_children[id]);
    }
    if (node.lock_count < recount_.child_locks[id]) {
      return fmt::format("node {} is locked {} times, its children {} times",
                         id,
                         node.lock_count,
                         recount_.child_locks[id]);
    }
    // Also finds siblings that begin with the same page: one of them is shadowed.
    if (tree_.find_child(node.parent, node.name_space, tree_.words_of(node)) != id) {
      return fmt::format("node {} is not found below its parent", id);
    }
    return std::nullopt;
  }

  [[nodiscard]] bool reaches_root(NodeId id) const {
    std::size_t steps = 0;
    while (id != kRootNode) {
      if (!tree_.is_live(id) || ++steps > recount_.counts.node_count) return false;
      id = tree_.nodes[id].parent;
    }
    return true;
  }

  [[nodiscard]] Finding check_root() const {
    const TreeNode& root = tree_.nodes[kRootNode];
    if (!root.is_on_device || root.lock_count == 0) return "the root lost its lock or its tier";
    if (root.place != QueuePlace::kNone) return "the root stands in a recency queue";
    if (root.child_count != recount_.children[kRootNode] ||
        root.device_child_count != recount_.device_children[kRootNode]) {
      return "the root miscounts its children";
    }
    if (tree_.children.size() != recount_.counts.node_count) return "the child table has strangers";
    return std::nullopt;
  }

  [[nodiscard]] Finding check_sums() const {
    const auto differ = [](std::string_view what, std::uint64_t kept, std::uint64_t counted) {
      return kept == counted ? Finding{}
                             : fmt::format("{}: {} kept, {} counted", what, kept, counted);
    };
    const TreeCounts& kept = tree_.counts;
    const TreeCounts& counted = recount_.counts;
    if (auto finding = differ("nodes", kept.node_count, counted.node_count)) return finding;
    if (auto finding = differ("device pages", kept.device_pages, counted.device_pages)) {
      return finding;
    }
    if (auto finding =
            differ("locked pages", kept.device_pages_locked, counted.device_pages_locked)) {
      return finding;
    }
    return differ("host pages", kept.host_pages, counted.host_pages);
  }

  // Each backup in flight names its nodes, top to bottom, and they it.
  [[nodiscard]] Finding check_pending() const {
    std::size_t named = 0;
    for (const auto& [ack_id, write] : tree_.pending) {
      NodeId above = kNoNode;
      for (const NodeId id : write.nodes) {
        if (!tree_.is_live(id) || tree_.nodes[id].pending_write != ack_id) {
          return fmt::format("backup {} names node {}, which does not wait for it", ack_id, id);
        }
        if (above != kNoNode && tree_.nodes[id].parent != above) {
          return fmt::format("backup {} names nodes that are not a path", ack_id);
        }
        above = id;
        ++named;
      }
      if (above != write.locked_from) return fmt::format("backup {} lost its lock", ack_id);
    }
    if (named != recount_.pending_count) return "a node waits for a backup that is not in flight";
    return std::nullopt;
  }

  [[nodiscard]] Finding check_memory() const {
    for (const auto& [block, references] : recount_.references) {
      if (block->references != references) {
        return fmt::format(
            "a payload has {} references, {} counted", block->references, references);
      }
    }
    std::size_t bytes = 0;
    for (const auto& [block, references] : recount_.references) {
      bytes += (block->granules + std::size_t{1}) * sizeof(PayloadBlock);
    }
    if (bytes != tree_.arena.bytes_used()) return "a payload that no node refers to is kept";
    if (!tree_.arena.is_consistent()) return "the arena's blocks don't link up";
    return std::nullopt;
  }

  [[nodiscard]] Finding check_digest() const {
    if (!tree_.digest) return std::nullopt;
    for (NodeId id = 1; id < tree_.nodes.size(); ++id) {
      const std::uint32_t pages = tree_.nodes[id].page_count;
      if (pages > 0 && tree_.digest->path(id) != tree_.path_hash(id, pages)) {
        return fmt::format("node {} is digested under another path", id);
      }
    }
    if (tree_.digest->value(tree_.nodes) != tree_.digest->recomputed(tree_.nodes)) {
      return "the digest missed a change";
    }
    return std::nullopt;
  }

  const RadixTree::Impl& tree_;
  Recount recount_;
};

}  // namespace

std::optional<std::string> RadixTree::check() const { return Checker{*impl_}.run(); }

}  // namespace radixbench

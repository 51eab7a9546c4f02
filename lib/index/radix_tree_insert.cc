#include "base/check.h"
#include "index/radix_tree.h"
#include "index/radix_tree_impl.h"

#include <algorithm>

namespace radixbench {
namespace {

// J 2.2: counted once a walk and node; the tree reports who reached the threshold, every time until
// there is a host copy, because the caller may have failed to make one.
void count_hit(TreeNode& node, NodeId id, std::uint32_t threshold, std::vector<NodeId>& backups) {
  ++node.hit_count;
  if (threshold > 0 && node.hit_count >= threshold && !node.is_on_host) backups.push_back(id);
}

}  // namespace

Insertion RadixTree::insert(const Key& key,
                            std::span<const PageId> device_pages,
                            const InsertOptions& options) {
  Impl& tree = *impl_;
  const Impl::Units units = tree.units_of(key);
  RADIXBENCH_CHECK(device_pages.size() == units.page_count);
  RADIXBENCH_CHECK(!tree.options.has_storage || key.storage_hashes.size() == units.page_count);
  const std::uint32_t threshold = tree.options.backup_threshold;
  Insertion result;
  std::uint32_t page = 0;
  while (page < units.page_count) {
    const NodeId child = tree.step_down(result.node, units, page);
    if (child == kRootNode) break;
    TreeNode& node = tree.nodes[child];
    node.priority = std::max(node.priority, options.priority);
    const std::uint32_t end = page + node.page_count;
    if (!node.is_on_device) {
      tree.touch(child);
      tree.give_device(child, device_pages.subspan(page, node.page_count));
    } else if (end > options.private_from_page) {
      const std::uint32_t from = std::max(page, options.private_from_page);
      result.duplicate_pages.insert(
          result.duplicate_pages.end(), device_pages.begin() + from, device_pages.begin() + end);
    }
    if (!options.is_chunked) count_hit(node, child, threshold, result.backups);
    page = end;
    result.node = child;
  }
  result.existing_pages = page;
  if (page < units.page_count) {
    const NodeId leaf = tree.add_leaf(result.node, key, units, page);
    tree.nodes[leaf].priority = options.priority;
    tree.give_device(leaf, device_pages.subspan(page));
    if (!options.is_chunked) count_hit(tree.nodes[leaf], leaf, threshold, result.backups);
    result.node = leaf;
  }
  tree.touch_path(result.node, kRootNode);
  return result;
}

HostInsertion RadixTree::insert_host(NodeId anchor,
                                     const Key& key,
                                     std::span<const PageId> host_pages) {
  Impl& tree = *impl_;
  RADIXBENCH_CHECK(tree.is_live(anchor));
  const Impl::Units units = tree.units_of(key);
  RADIXBENCH_CHECK(host_pages.size() == units.page_count);
  RADIXBENCH_CHECK(!tree.options.has_storage || key.storage_hashes.size() == units.page_count);
  RADIXBENCH_CHECK(anchor == kRootNode || tree.nodes[anchor].name_space == units.name_space);
  HostInsertion result;
  NodeId last = anchor;
  std::uint32_t page = 0;
  while (page < units.page_count) {
    const NodeId child = tree.step_down(last, units, page);
    if (child == kRootNode) break;
    page += tree.nodes[child].page_count;
    last = child;
  }
  result.existing_pages = page;
  if (page == units.page_count) {
    if (page > 0 && tree.nodes[last].is_on_host) result.node = last;
  } else if (last == kRootNode || tree.nodes[last].is_on_host) {
    const NodeId leaf = tree.add_leaf(last, key, units, page);
    tree.nodes[leaf].priority = last == kRootNode ? 0 : tree.nodes[last].priority;
    tree.give_host(leaf, host_pages.subspan(page));
    last = leaf;
    result.node = leaf;
  } else {
    result.is_dropped = true;
    result.existing_pages = units.page_count;
  }
  tree.touch_path(last, anchor);
  if (anchor != kRootNode) tree.touch(anchor);
  return result;
}

}  // namespace radixbench

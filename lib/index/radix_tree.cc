#include "index/radix_tree.h"

#include "base/check.h"
#include "index/radix_tree_impl.h"

#include <algorithm>
#include <utility>

namespace radixbench {

RadixTree::RadixTree(const TreeOptions& options) : impl_{std::make_unique<Impl>(options)} {}
RadixTree::~RadixTree() = default;

const TreeOptions& RadixTree::options() const { return impl_->options; }

bool RadixTree::stores_hashes() const { return impl_->options.page_tokens >= kHashedPageTokensMin; }

Match RadixTree::match(const Key& key) {
  Impl& tree = *impl_;
  const Impl::Units units = tree.units_of(key);
  Match found;
  std::uint32_t page = 0;
  while (page < units.page_count) {
    const NodeId child = tree.step_down(found.best_node, units, page);
    if (child == kRootNode) break;
    page += tree.nodes[child].page_count;
    found.best_node = child;
    if (tree.nodes[child].is_on_device) {
      found.device_node = child;
      found.device_pages = page;
    }
  }
  found.host_pages = page - found.device_pages;
  tree.touch_path(found.best_node, kRootNode);
  return found;
}

Match RadixTree::peek(const Key& key) const {
  const Impl& tree = *impl_;
  const Impl::Units units = tree.units_of(key);
  Match found;
  std::uint32_t page = 0;
  while (page < units.page_count) {
    const NodeId child =
        tree.find_child(found.best_node, units.name_space, tree.page_of(units, page));
    if (child == kRootNode) break;
    const TreeNode& node = tree.nodes[child];
    const std::uint32_t common = tree.common_pages(node, units, page);
    page += common;
    if (node.is_on_device) found.device_pages = page;
    if (common < node.page_count) break;
    found.best_node = child;
    if (node.is_on_device) found.device_node = child;
  }
  found.host_pages = page - found.device_pages;
  return found;
}

void RadixTree::gather_device(NodeId node, std::vector<PageId>& pages) const {
  Impl& tree = *impl_;
  std::vector<NodeId>& path = tree.path_scratch;
  path.clear();
  for (; node != kRootNode; node = tree.nodes[node].parent) path.push_back(node);
  for (auto at = path.rbegin(); at != path.rend(); ++at) append_device_pages(*at, pages);
}

NodeId RadixTree::lock(NodeId node) {
  RADIXBENCH_CHECK(impl_->is_live(node));
  while (!impl_->nodes[node].is_on_device) node = impl_->nodes[node].parent;
  impl_->lock_path(node);
  return node;
}

void RadixTree::unlock(NodeId locked_from) {
  RADIXBENCH_CHECK(impl_->is_live(locked_from));
  impl_->unlock_path(locked_from);
}

NodeId RadixTree::host_lock(NodeId node) {
  RADIXBENCH_CHECK(impl_->is_live(node));
  TreeNode& locked = impl_->nodes[node];
  if (!locked.is_on_host) return kNoNode;
  ++locked.host_lock_count;
  impl_->mark(node);
  return node;
}

void RadixTree::host_unlock(NodeId node) {
  if (node == kNoNode) return;
  RADIXBENCH_CHECK(impl_->is_live(node) && impl_->nodes[node].host_lock_count > 0);
  TreeNode& unlocked = impl_->nodes[node];
  --unlocked.host_lock_count;
  impl_->mark(node);
  if (!unlocked.is_on_device) impl_->host_queue.reconsider(node);
}

NodeView RadixTree::view(NodeId node) const {
  RADIXBENCH_CHECK(impl_->is_live(node));
  const TreeNode& seen = impl_->nodes[node];
  NodeView view;
  view.parent = node == kRootNode ? kNoNode : seen.parent;
  view.page_count = seen.page_count;
  view.is_on_device = seen.is_on_device;
  view.is_on_host = seen.is_on_host;
  view.lock_count = seen.lock_count;
  view.host_lock_count = seen.host_lock_count;
  view.hit_count = seen.hit_count;
  view.pending_write = seen.pending_write;
  return view;
}

void RadixTree::append_host_pages(NodeId node, std::vector<PageId>& pages) const {
  const TreeNode& seen = impl_->nodes[node];
  RADIXBENCH_CHECK(seen.is_on_host);
  Impl::append_run(seen.host, seen.page_count, pages);
}

void RadixTree::append_device_pages(NodeId node, std::vector<PageId>& pages) const {
  const TreeNode& seen = impl_->nodes[node];
  RADIXBENCH_CHECK(seen.is_on_device);
  Impl::append_run(seen.device, seen.page_count, pages);
}

std::span<const Sha256Digest> RadixTree::storage_hashes(NodeId node) const {
  const TreeNode& seen = impl_->nodes[node];
  if (seen.storage.block == nullptr) return {};
  const auto* hashes = reinterpret_cast<const Sha256Digest*>(seen.storage.block->payload());
  return {hashes + seen.storage.first, seen.page_count};
}

std::optional<Sha256Digest> RadixTree::last_storage_hash(NodeId node) const {
  const std::span<const Sha256Digest> hashes = storage_hashes(node);
  if (hashes.empty()) return std::nullopt;
  return hashes.back();
}

TreeCounts RadixTree::counts() const { return impl_->counts; }

std::size_t RadixTree::evictable_device_pages() const {
  return impl_->counts.device_pages - impl_->counts.device_pages_locked;
}

std::uint64_t RadixTree::digest() {
  RADIXBENCH_CHECK(impl_->digest != nullptr);
  return impl_->digest->value(impl_->nodes);
}

std::size_t RadixTree::memory_bytes() const {
  const Impl& tree = *impl_;
  return sizeof(Impl) + tree.arena.bytes_mapped() + tree.nodes.bytes() + tree.children.bytes() +
         tree.device_queue.bytes() + tree.host_queue.bytes() +
         (tree.digest ? tree.digest->bytes() : 0);
}

}  // namespace radixbench

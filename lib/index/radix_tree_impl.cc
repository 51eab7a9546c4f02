#include "index/radix_tree_impl.h"

#include "base/check.h"
#include "base/random.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <iterator>

namespace radixbench {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kParentFactor = 0xD6E8FEB86659FD93ULL;
constexpr std::uint64_t kSpaceFactor = 0xA0761D6478BD642FULL;
constexpr std::uint64_t kWordFactor = 0xE7037ED1A0B428DBULL;

std::uint64_t fold(std::uint64_t left, std::uint64_t right) {
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

constexpr std::uint32_t kWordsPerHash = sizeof(PageHash) / sizeof(std::uint32_t);

// Page ids that count, as a range to insert from.
class CountingIds {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = PageId;
  using difference_type = std::ptrdiff_t;
  using pointer = const PageId*;
  using reference = PageId;

  explicit CountingIds(PageId id) : id_{id} {}
  PageId operator*() const { return id_; }
  CountingIds& operator++() {
    ++id_;
    return *this;
  }
  CountingIds& operator--() {
    --id_;
    return *this;
  }
  CountingIds& operator+=(difference_type count) {
    id_ += static_cast<PageId>(count);
    return *this;
  }
  friend difference_type operator-(CountingIds left, CountingIds right) {
    return static_cast<difference_type>(left.id_ - right.id_);
  }
  friend bool operator!=(CountingIds left, CountingIds right) { return left.id_ != right.id_; }

 private:
  PageId id_;
};

// Whether two pages are the same; what most pages are made of, one token or one hash, without a
// call.
bool same_page(const std::uint32_t* left, const std::uint32_t* right, std::uint32_t words) {
  if (words == 1) return *left == *right;
  if (words != kWordsPerHash) return std::memcmp(left, right, words * sizeof *left) == 0;
  std::array<std::uint64_t, 2> left_hash;
  std::array<std::uint64_t, 2> right_hash;
  std::memcpy(left_hash.data(), left, sizeof left_hash);
  std::memcpy(right_hash.data(), right, sizeof right_hash);
  return left_hash == right_hash;
}

}  // namespace

RadixTree::Impl::Impl(const TreeOptions& tree_options)
    : options{tree_options},
      words_per_page{options.page_tokens >= kHashedPageTokensMin ? kWordsPerHash
                                                                 : options.page_tokens},
      kernels{word_kernels()},
      arena{options.reserved_bytes} {
  RADIXBENCH_CHECK(options.page_tokens >= 1 && options.page_tokens <= 512);
  nodes.resize(1);
  nodes[kRootNode].is_on_device = true;
  nodes[kRootNode].lock_count = 1;
  if (options.counts_digest) digest = std::make_unique<TreeDigest>();
}

RadixTree::Impl::Units RadixTree::Impl::units_of(const Key& key) const {
  Units units;
  units.name_space = key.name_space;
  if (options.page_tokens >= kHashedPageTokensMin) {
    const std::size_t page_count = key.hashes.size();
    RADIXBENCH_CHECK(key.tokens.empty() || key.tokens.size() / options.page_tokens == page_count);
    units.words = reinterpret_cast<const std::uint32_t*>(key.hashes.data());
    units.page_count = static_cast<std::uint32_t>(page_count);
  } else {
    units.words = key.tokens.data();
    units.page_count = static_cast<std::uint32_t>(key.tokens.size() / options.page_tokens);
  }
  return units;
}

std::uint32_t RadixTree::Impl::child_hash(NodeId parent,
                                          std::uint32_t name_space,
                                          const std::uint32_t* words) const {
  std::uint64_t hash = options.hash_seed ^ (parent + 1) * kParentFactor ^ name_space * kSpaceFactor;
  std::uint32_t at = 0;
  for (; at + 2 <= words_per_page; at += 2) {
    std::uint64_t pair = 0;
    std::memcpy(&pair, words + at, sizeof pair);
    hash = fold(hash ^ pair, kWordFactor);
  }
  if (at < words_per_page) hash = fold(hash ^ words[at], kWordFactor);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32U));
}

NodeId RadixTree::Impl::find_child(NodeId parent,
                                   std::uint32_t name_space,
                                   const std::uint32_t* words) const {
  return children.find(child_hash(parent, name_space, words), [&](NodeId id) {
    const TreeNode& node = nodes[id];
    return node.parent == parent && node.name_space == name_space &&
           same_page(words_of(node), words, words_per_page);
  });
}

std::uint32_t RadixTree::Impl::common_pages(const TreeNode& node,
                                            const Units& key,
                                            std::uint32_t page) const {
  const std::uint32_t pages_max = std::min(node.page_count, key.page_count - page);
  const std::size_t words = kernels.common_prefix(
      words_of(node), page_of(key, page), std::size_t{pages_max} * words_per_page);
  return static_cast<std::uint32_t>(words_per_page == 1 ? words : words / words_per_page);
}

NodeId RadixTree::Impl::step_down(NodeId node, const Units& key, std::uint32_t page) {
  const NodeId child = find_child(node, key.name_space, page_of(key, page));
  if (child == kRootNode) return kRootNode;
  const std::uint32_t common = common_pages(nodes[child], key, page);
  return common < nodes[child].page_count ? split(child, common) : child;
}

NodeId RadixTree::Impl::split(NodeId node, std::uint32_t page_count) {
  const std::uint64_t path = digest ? path_hash(node, page_count) : 0;
  const NodeId upper = take_id();
  TreeNode& lower_part = nodes[node];
  TreeNode& upper_part = nodes[upper];
  upper_part = lower_part;
  PayloadArena::add_reference(lower_part.key_block);
  lower_part.key_first += page_count;
  lower_part.device = shared_tail(lower_part.device, page_count);
  lower_part.host = shared_tail(lower_part.host, page_count);
  lower_part.storage = shared_tail(lower_part.storage, page_count);
  upper_part.page_count = page_count;
  lower_part.page_count -= page_count;
  upper_part.child_count = 1;
  upper_part.device_child_count = lower_part.is_on_device ? 1 : 0;
  // A host lock stays with the end of the node, whose id its holder has. The upper part needs none:
  // host eviction takes childless nodes only.
  upper_part.host_lock_count = 0;
  children.replace(lower_part.child_hash, node, upper);
  lower_part.parent = upper;
  lower_part.child_hash = child_hash(upper, lower_part.name_space, words_of(lower_part));
  children.insert(lower_part.child_hash, node);
  if (lower_part.pending_write != 0) {
    std::vector<NodeId>& held = pending.at(lower_part.pending_write).nodes;
    held.insert(std::find(held.begin(), held.end(), node), upper);
  }
  queue_of(lower_part).add_beside(upper, node);
  if (digest) digest->add_beside(upper, node, path);
  mark(node);
  ++counts.node_count;
  if (options.stamps_split_remainder) touch(node);
  return upper;
}

NodeId RadixTree::Impl::add_leaf(NodeId parent,
                                 const Key& key,
                                 const Units& units,
                                 std::uint32_t page) {
  const NodeId leaf = take_id();
  TreeNode& node = nodes[leaf];
  const std::size_t page_bytes = std::size_t{words_per_page} * sizeof *units.words;
  node.page_count = units.page_count - page;
  node.parent = parent;
  node.name_space = units.name_space;
  node.key_block = arena.take(node.page_count * page_bytes);
  copy_to_keep(node.key_block->payload(), page_of(units, page), node.page_count * page_bytes);
  if (options.has_storage) {
    const std::size_t bytes = node.page_count * sizeof(Sha256Digest);
    node.storage.block = arena.take(bytes);
    std::memcpy(node.storage.block->payload(), key.storage_hashes.data() + page, bytes);
  }
  node.child_hash = child_hash(parent, units.name_space, page_of(units, page));
  children.insert(node.child_hash, leaf);
  ++nodes[parent].child_count;
  ++counts.node_count;
  node.stamp = ++clock;
  if (digest) digest->add_newest(leaf, path_hash(leaf, node.page_count));
  return leaf;
}

void RadixTree::Impl::give_device(NodeId id, std::span<const PageId> pages) {
  TreeNode& node = nodes[id];
  if (node.place != QueuePlace::kNone) host_queue.remove(id);
  node.device = make_run(pages);
  node.is_on_device = true;
  ++nodes[node.parent].device_child_count;
  counts.device_pages += node.page_count;
  device_queue.add(id);
  mark(id);
}

void RadixTree::Impl::give_host(NodeId id, std::span<const PageId> pages) {
  TreeNode& node = nodes[id];
  node.host = make_run(pages);
  node.is_on_host = true;
  counts.host_pages += node.page_count;
  if (node.place == QueuePlace::kNone) host_queue.add(id);
  mark(id);
}

void RadixTree::Impl::demote(NodeId id, std::vector<PageId>& freed) {
  TreeNode& node = nodes[id];
  device_queue.remove(id);
  append_run(node.device, node.page_count, freed);
  release(node.device);
  node.is_on_device = false;
  counts.device_pages -= node.page_count;
  --nodes[node.parent].device_child_count;
  device_queue.reconsider(node.parent);
  host_queue.add(id);
  mark(id);
}

void RadixTree::Impl::remove_leaf(NodeId id, Eviction& freed) {
  TreeNode& node = nodes[id];
  const NodeId parent = node.parent;
  queue_of(node).remove(id);
  children.erase(node.child_hash, id);
  --nodes[parent].child_count;
  if (node.is_on_device) {
    --nodes[parent].device_child_count;
    counts.device_pages -= node.page_count;
    append_run(node.device, node.page_count, freed.device_pages);
    release(node.device);
  }
  if (node.is_on_host) {
    counts.host_pages -= node.page_count;
    append_run(node.host, node.page_count, freed.host_pages);
    release(node.host);
  }
  release(node.storage);
  arena.drop_reference(node.key_block);
  if (digest) digest->remove(id);
  node = TreeNode{};
  node.parent = free_head;
  free_head = id;
  --counts.node_count;
  if (parent != kRootNode) queue_of(nodes[parent]).reconsider(parent);
}

void RadixTree::Impl::touch(NodeId node) {
  nodes[node].stamp = ++clock;
  queue_of(nodes[node]).touch(node);
  if (digest) digest->touch(node);
}

void RadixTree::Impl::touch_path(NodeId node, NodeId end) {
  for (; node != end; node = nodes[node].parent) touch(node);
}

void RadixTree::Impl::lock_path(NodeId node) {
  for (; node != kRootNode; node = nodes[node].parent) {
    TreeNode& locked = nodes[node];
    if (locked.lock_count++ == 0) counts.device_pages_locked += locked.page_count;
    mark(node);
  }
}

void RadixTree::Impl::unlock_path(NodeId node) {
  for (; node != kRootNode; node = nodes[node].parent) {
    TreeNode& unlocked = nodes[node];
    RADIXBENCH_CHECK(unlocked.lock_count > 0);
    mark(node);
    if (--unlocked.lock_count > 0) continue;
    counts.device_pages_locked -= unlocked.page_count;
    device_queue.reconsider(node);
  }
}

PageRun RadixTree::Impl::make_run(std::span<const PageId> pages) {
  if (pages.empty()) return {};
  if (kernels.is_counting(pages.data(), pages.size())) return {nullptr, pages[0]};
  const PageRun run{arena.take(pages.size_bytes()), 0};
  copy_to_keep(run.block->payload(), pages.data(), pages.size_bytes());
  return run;
}

void RadixTree::Impl::release(PageRun& run) {
  if (run.block != nullptr) arena.drop_reference(run.block);
  run = PageRun{};
}

// Whether ids or numbers of elements, both go on by one a page.
PageRun RadixTree::Impl::shared_tail(const PageRun& run, std::uint32_t skipped) {
  if (run.block != nullptr) PayloadArena::add_reference(run.block);
  return {run.block, run.first + skipped};
}

void RadixTree::Impl::append_run(const PageRun& run,
                                 std::uint32_t count,
                                 std::vector<PageId>& pages) {
  if (run.block != nullptr) {
    const auto* ids = reinterpret_cast<const PageId*>(run.block->payload()) + run.first;
    pages.insert(pages.end(), ids, ids + count);
    return;
  }
  // Made as they are inserted: resize() first would write each of them twice.
  pages.insert(pages.end(), CountingIds{run.first}, CountingIds{run.first + count});
}

std::uint64_t RadixTree::Impl::path_hash(NodeId id, std::uint32_t page_count) const {
  const TreeNode& node = nodes[id];
  std::uint64_t path =
      node.parent == kRootNode ? TreeDigest::root_path(node.name_space) : digest->path(node.parent);
  const std::uint32_t* words = words_of(node);
  for (std::uint32_t page = 0; page < page_count; ++page) {
    path = TreeDigest::prolong(path, words + std::size_t{page} * words_per_page, words_per_page);
  }
  return path;
}

NodeId RadixTree::Impl::take_id() {
  if (free_head != 0) {
    const NodeId id = free_head;
    free_head = nodes[id].parent;
    nodes[id].parent = 0;
    return id;
  }
  nodes.resize(nodes.size() + 1);
  return static_cast<NodeId>(nodes.size() - 1);
}

}  // namespace radixbench

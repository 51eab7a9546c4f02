#pragma once

#include "base/ids.h"
#include "base/sha256.h"
#include "index/page_hash.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

using NodeId = std::uint32_t;
constexpr NodeId kRootNode = 0;
constexpr NodeId kNoNode = 0xFFFFFFFFU;

// What a request looks like to the tree. Made once a request and passed through match, insert and
// prefetch; the tree keeps no reference to it. tokens.size() need not be a multiple of the page:
// only whole pages count. `hashes` holds one entry a whole page where the tree stores hashes
// (RadixTree::stores_hashes()), and is empty otherwise; tokens may be left out then.
// `storage_hashes` likewise one a whole page where storage is on, else empty; match needs none.
struct Key {
  std::uint32_t name_space = 0;  // SGLang's extra_key: namespaces never share nodes
  std::span<const TokenId> tokens;
  std::span<const PageHash> hashes;
  std::span<const Sha256Digest> storage_hashes;
};

// From this page size on nodes hold a hash of each page instead of its tokens.
constexpr std::uint32_t kHashedPageTokensMin = 16;

struct TreeOptions {
  std::uint32_t page_tokens = 1;  // 1 to 512
  std::uint64_t hash_seed = 0;
  bool has_storage = false;             // nodes keep the SHA-256 chain of their pages
  bool stamps_split_remainder = false;  // J 1.7: a split makes the remainder look just used
  bool counts_digest = false;           // keep what digest() needs; costs time at each change
  // Hit count at which insert() reports a node that has no host copy for backup; 0: never.
  std::uint32_t backup_threshold = 0;
  // Memory for keys and page ids to map and touch at the start, so that inserting takes no page
  // faults; more is mapped when it is full.
  std::size_t reserved_bytes = 0;
};

// Lengths are in pages. Walking from the root: first device_pages on the device, then host_pages
// that only the host holds (J: host_hit_length).
struct Match {
  std::uint32_t device_pages = 0;
  std::uint32_t host_pages = 0;
  NodeId device_node = kRootNode;  // last node of the device part
  NodeId best_node = kRootNode;    // last node matched on either tier
};

struct Insertion {
  std::uint32_t existing_pages = 0;  // found in the tree on either tier (host-only ones count)
  NodeId node = kRootNode;           // where the key ends
  // Device pages of the caller that the tree did not take: duplicates of what it held already,
  // beyond `private_from_page`. The caller gives them back to its pool.
  std::vector<PageId> duplicate_pages;
  // Nodes that reached the backup threshold, root to leaf. Reported after the walk, once each
  // insertion; the caller backs them up or not (begin_backup).
  std::vector<NodeId> backups;
};

struct InsertOptions {
  // J's prev_prefix_len in pages: pages before it belong to the tree already (the request matched
  // them) and are not reported as duplicates.
  std::uint32_t private_from_page = 0;
  bool is_chunked = false;  // J 2.2: hit counts stay as they are
  std::int32_t priority = 0;
};

struct HostInsertion {
  // The first pages, which the tree had below the anchor or (is_dropped) did not want: their host
  // pages stay the caller's.
  std::uint32_t existing_pages = 0;
  // The new host-only leaf, or the last node if all was there and it has a host copy.
  NodeId node = kNoNode;
  // The new leaf would have hung below a node without a host copy, and nothing was inserted. J
  // inserts here, and loses the leaf when that node is evicted; upstream repaired it this way.
  bool is_dropped = false;
};

// What eviction let go of: pages to give back to their pools.
struct Eviction {
  std::vector<PageId> device_pages;
  std::vector<PageId> host_pages;
};

// A node's part of a prefix, for controllers.
struct NodeView {
  NodeId parent = kNoNode;
  std::uint32_t page_count = 0;
  bool is_on_device = false;
  bool is_on_host = false;  // J: backuped
  std::uint32_t lock_count = 0;
  std::uint32_t host_lock_count = 0;
  std::uint32_t hit_count = 0;
  std::uint64_t pending_write = 0;  // ack id of a backup in flight, 0 if none
};

struct TreeCounts {
  std::uint64_t node_count = 0;           // without the root
  std::uint64_t device_pages = 0;         // held by nodes
  std::uint64_t device_pages_locked = 0;  // J: protected
  std::uint64_t host_pages = 0;
};

// The FULL component of SGLang's UnifiedRadixCache at version J (cache-behaviour section 1): which
// prefixes are held, on which tier, who is locked, what goes first. Owns no memory of any tier and
// moves no bytes: page ids come in, and ids to give back go out. One owner thread. Plain calls;
// where J acts in mid-walk (backing up a node during insert) the tree reports the node afterwards.
class RadixTree {
 public:
  explicit RadixTree(const TreeOptions& options);
  ~RadixTree();
  RadixTree(const RadixTree&) = delete;
  RadixTree& operator=(const RadixTree&) = delete;

  [[nodiscard]] const TreeOptions& options() const;
  // From page size 16 on nodes hold page hashes instead of tokens.
  [[nodiscard]] bool stores_hashes() const;

  // Longest held prefix in whole pages. Splits the node it ends in, and makes the path most recent.
  Match match(const Key& key);
  // The same lengths, and nothing changes; nodes are the deepest that are fully matched.
  [[nodiscard]] Match peek(const Key& key) const;
  // Device pages of the path root..node, in order; every node on it must be on the device.
  void gather_device(NodeId node, std::vector<PageId>& pages) const;

  // `device_pages`: one a whole page of key, root to end. The tree takes those it lacks: new leaf,
  // and un-eviction of host-only nodes on the way (J 1.8).
  Insertion insert(const Key& key,
                   std::span<const PageId> device_pages,
                   const InsertOptions& options = {});
  // J 1.9. Below `anchor`: pages that storage brought. `host_pages`: one a whole page of key.
  HostInsertion insert_host(NodeId anchor, const Key& key, std::span<const PageId> host_pages);

  // Device locks protect the path to the root from eviction. Returns the first node that is on the
  // device (J's skip set): hand it to unlock(), which walks from there. Splits keep it valid.
  NodeId lock(NodeId node);
  void unlock(NodeId locked_from);
  // Protects one node's host copy; no effect on nodes without one (J), the root included: returns
  // kNoNode then, and host_unlock(kNoNode) does nothing. A split leaves the lock with the lower
  // part, whose id is the receipt; the upper one is safe below it, since host eviction takes
  // childless nodes only.
  NodeId host_lock(NodeId node);
  void host_unlock(NodeId node);

  // Least recent device leaves until at least `page_count` pages are freed or nothing is left to
  // evict: nodes with a host copy become host-only, others leave the tree. J then deletes tombstone
  // ancestors; with FULL alone there are none (a parent is on the device or on the host), so no
  // host pages come back here.
  Eviction evict_device(std::size_t page_count);
  // Least recent host leaves (host-only, unlocked, childless) until `page_count` pages are freed.
  Eviction evict_host(std::size_t page_count);
  // The same, appended to what the caller keeps from call to call.
  void evict_device(std::size_t page_count, Eviction& freed);
  void evict_host(std::size_t page_count, Eviction& freed);
  [[nodiscard]] std::size_t evictable_device_pages() const;

  // A backup D->H: the node gets its host copy, a device lock until finish_backup(), and the ack id
  // (> 0, not in flight) is remembered through splits. The node must be on the device, without a
  // host copy, and its parent the root or backed up.
  void begin_backup(NodeId node, std::span<const PageId> host_pages, std::uint64_t ack_id);
  // Unlocks; answers the nodes that now hold what was backed up, in root to leaf order (more than
  // one after splits).
  std::vector<NodeId> finish_backup(std::uint64_t ack_id);

  // Host-only nodes from `node` up to the first device node, in root to leaf order (J 2.5.1).
  [[nodiscard]] std::vector<NodeId> host_only_path(NodeId node) const;
  // Their device copies: `device_pages` covers the nodes in order. The host copies stay.
  void commit_load_back(std::span<const NodeId> nodes, std::span<const PageId> device_pages);

  [[nodiscard]] NodeView view(NodeId node) const;
  void append_host_pages(NodeId node, std::vector<PageId>& pages) const;
  void append_device_pages(NodeId node, std::vector<PageId>& pages) const;
  // One a page; empty unless has_storage.
  [[nodiscard]] std::span<const Sha256Digest> storage_hashes(NodeId node) const;
  // The last one, or nothing at the root or without storage: where a chain goes on from.
  [[nodiscard]] std::optional<Sha256Digest> last_storage_hash(NodeId node) const;

  [[nodiscard]] TreeCounts counts() const;
  // Equal for two trees exactly when (hash collisions aside) they hold the same prefixes, cut into
  // the same nodes, with the same tiers, locks, host locks, pending flags, hit counts, priorities
  // and recency order; page ids and node ids do not enter. Hashing trees need equal seeds. Costs as
  // much as changed since the last call. Only where options().counts_digest.
  [[nodiscard]] std::uint64_t digest();
  // Every invariant of J 1.14 that concerns FULL, recomputed from scratch; what is broken, in
  // words, or nothing.
  [[nodiscard]] std::optional<std::string> check() const;
  // Bytes of memory the tree holds, free parts of it included, for the bytes-a-token target.
  [[nodiscard]] std::size_t memory_bytes() const;

  struct Impl;  // radix_tree_impl.h, for the room's own files

 private:
  friend class RadixTreeProbe;  // tests/index: plants faults for check() to find
  std::unique_ptr<Impl> impl_;
};

}  // namespace radixbench

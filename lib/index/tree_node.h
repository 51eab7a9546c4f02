#pragma once

#include "base/ids.h"
#include "index/mapped_memory.h"
#include "index/payload_arena.h"

#include <cstdint>

namespace radixbench {

// How a node stands in its recency queue (recency_queue.h).
enum class QueuePlace : std::uint8_t {
  kNone,    // in no queue: the root, and ids not in use
  kListed,  // in the list
  kParked,  // not to be evicted, found so at the old end of the list
  kReady,   // to be evicted, but out of the list's order
};

// Part of a counted array, one element a page. Of page ids without a block: first, first + 1, ...
struct PageRun {
  PayloadBlock* block = nullptr;
  std::uint32_t first = 0;  // an element of the block, or the first id
};

// A run of pages that are held alike. The first cache line is what walks and evictions read. Zero
// bytes are an id that is not in use.
struct alignas(64) TreeNode {
  PayloadBlock* key_block;  // key units, shared with the nodes that a split made of one
  std::uint64_t stamp;      // last access, in ticks of the tree
  std::uint32_t key_first;  // page within key_block
  std::uint32_t parent;     // of an id not in use: the next such id
  std::uint32_t newer;      // neighbours in the queue's list, 0 for none
  std::uint32_t older;
  std::uint32_t page_count;
  std::uint32_t lock_count;
  std::uint32_t host_lock_count;
  std::uint32_t child_count;
  std::uint32_t device_child_count;
  std::uint32_t child_hash;  // its key in the child table
  std::uint32_t name_space;
  bool is_on_device;
  bool is_on_host;
  QueuePlace place;
  std::uint8_t unused;

  PageRun device;
  PageRun host;
  PageRun storage;  // hashes
  std::uint64_t pending_write;
  std::uint32_t hit_count;
  std::int32_t priority;
};
static_assert(sizeof(TreeNode) == 128);

using NodeArray = MappedArray<TreeNode>;

}  // namespace radixbench

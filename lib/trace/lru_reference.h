#pragma once

#include "trace/request.h"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace radixbench {

// A cache of whole trace blocks under exact LRU, the reference that any reader and any policy can
// be held against. It has no locks, no delay and no output blocks, and a partial tail is a block:
// an engine's cache differs on purpose.
class BlockLru {
 public:
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  // Block numbers are below blocks_distinct.
  BlockLru(std::uint64_t blocks_distinct, std::uint64_t capacity_blocks);

  [[nodiscard]] bool holds(std::uint32_t block) const { return held_[block]; }
  [[nodiscard]] std::uint64_t resident() const { return resident_; }

  // Uses or inserts every block of a request from tail to head, so that the head is the most
  // recent; then evicts the least recent down to the capacity and answers how many.
  std::uint64_t use(std::span<const std::uint32_t> blocks);

 private:
  struct Links {
    std::uint32_t newer = 0;
    std::uint32_t older = 0;
  };

  void unlink(std::uint32_t block);
  void link_as_newest(std::uint32_t block);

  std::uint64_t capacity_;
  std::uint64_t resident_ = 0;
  std::uint32_t sentinel_;  // its older end is the newest block, its newer end the oldest
  std::vector<Links> links_;
  std::vector<bool> held_;
};

// hits + evicted + resident == references.
struct LruOutcome {
  std::uint64_t capacity_blocks = 0;  // BlockLru::kUnlimited for none
  std::uint64_t hits = 0;             // blocks of the longest prefix held at arrival, over requests
  std::uint64_t evicted = 0;
  std::uint64_t resident = 0;
};

LruOutcome replay_lru(const Trace& trace, std::uint64_t capacity_blocks);

// References by the fastest tier that held them, until the first block in none.
struct TierOutcome {
  std::uint64_t device_blocks = 0;  // capacities
  std::uint64_t host_blocks = 0;
  std::uint64_t device = 0;
  std::uint64_t host = 0;
  std::uint64_t storage = 0;
  std::uint64_t miss = 0;
};

// Device and host are both inclusive, both LRU and both updated by every request; storage is
// unlimited and written through.
TierOutcome replay_tiers(const Trace& trace,
                         std::uint64_t device_blocks,
                         std::uint64_t host_blocks);

}  // namespace radixbench

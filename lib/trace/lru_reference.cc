#include "trace/lru_reference.h"

#include <algorithm>

namespace radixbench {

BlockLru::BlockLru(std::uint64_t blocks_distinct, std::uint64_t capacity_blocks)
    : capacity_{capacity_blocks},
      sentinel_{static_cast<std::uint32_t>(blocks_distinct)},
      links_(blocks_distinct + 1),
      held_(blocks_distinct, false) {
  links_[sentinel_] = {sentinel_, sentinel_};
}

std::uint64_t BlockLru::use(std::span<const std::uint32_t> blocks) {
  for (auto from_tail = blocks.rbegin(); from_tail != blocks.rend(); ++from_tail) {
    const std::uint32_t block = *from_tail;
    if (held_[block]) {
      unlink(block);
    } else {
      held_[block] = true;
      ++resident_;
    }
    link_as_newest(block);
  }
  std::uint64_t evicted = 0;
  for (; resident_ > capacity_; --resident_, ++evicted) {
    const std::uint32_t oldest = links_[sentinel_].newer;
    unlink(oldest);
    held_[oldest] = false;
  }
  return evicted;
}

void BlockLru::unlink(std::uint32_t block) {
  const Links at = links_[block];
  links_[at.newer].older = at.older;
  links_[at.older].newer = at.newer;
}

void BlockLru::link_as_newest(std::uint32_t block) {
  const std::uint32_t newest = links_[sentinel_].older;
  links_[block] = {sentinel_, newest};
  links_[sentinel_].older = block;
  links_[newest].newer = block;
}

LruOutcome replay_lru(const Trace& trace, std::uint64_t capacity_blocks) {
  BlockLru cache{trace.counts.blocks_distinct, capacity_blocks};
  LruOutcome outcome{.capacity_blocks = capacity_blocks};
  for (const Request& request : trace.requests) {
    const std::span<const std::uint32_t> blocks = trace.blocks_of(request);
    const auto first_miss =
        std::ranges::find_if_not(blocks, [&](std::uint32_t block) { return cache.holds(block); });
    outcome.hits += static_cast<std::uint64_t>(first_miss - blocks.begin());
    outcome.evicted += cache.use(blocks);
  }
  outcome.resident = cache.resident();
  return outcome;
}

TierOutcome replay_tiers(const Trace& trace,
                         std::uint64_t device_blocks,
                         std::uint64_t host_blocks) {
  const std::uint64_t distinct = trace.counts.blocks_distinct;
  BlockLru device{distinct, device_blocks};
  BlockLru host{distinct, host_blocks};
  BlockLru storage{distinct, BlockLru::kUnlimited};
  TierOutcome outcome{.device_blocks = device_blocks, .host_blocks = host_blocks};
  for (const Request& request : trace.requests) {
    const std::span<const std::uint32_t> blocks = trace.blocks_of(request);
    std::uint64_t found = 0;
    for (const std::uint32_t block : blocks) {
      if (!storage.holds(block)) break;  // what any tier holds, storage holds too
      ++(device.holds(block) ? outcome.device : host.holds(block) ? outcome.host : outcome.storage);
      ++found;
    }
    outcome.miss += blocks.size() - found;
    for (BlockLru* tier : {&device, &host, &storage}) tier->use(blocks);
  }
  return outcome;
}

}  // namespace radixbench

#pragma once

#include "base/check.h"
#include "base/decision.h"
#include "base/ids.h"
#include "control/agreement.h"
#include "control/background.h"
#include "control/host_allocator.h"
#include "control/latency_model.h"
#include "control/rules.h"
#include "index/radix_tree.h"
#include "layout/sites.h"
#include "tier/page_copier.h"
#include "tier/page_pool.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace radixbench {

// Exact counts of one rank's cache; equal on the ranks of a replica that agree.
struct ControlCounts {
  std::uint64_t backups = 0;
  std::uint64_t backups_refused = 0;  // no host pages
  std::uint64_t pages_backed_up = 0;
  std::uint64_t pages_stored = 0;  // acknowledged by storage
  std::uint64_t load_backs = 0;
  std::uint64_t load_backs_refused = 0;
  std::uint64_t pages_loaded_back = 0;
  std::uint64_t pages_verified = 0;
  std::uint64_t pages_wrong = 0;  // bytes that are not what was written: fatal
  std::uint64_t prefetches = 0;
  std::uint64_t prefetches_too_short = 0;
  std::uint64_t prefetches_rate_limited = 0;
  std::uint64_t prefetches_without_room = 0;
  std::uint64_t prefetches_without_anchor = 0;  // the match ends in a node without a host copy
  std::uint64_t prefetches_revoked = 0;
  std::uint64_t prefetches_answered = 0;
  std::uint64_t prefetches_aborted = 0;
  std::uint64_t pages_prefetched = 0;  // that entered the tree
  std::uint64_t pages_evicted_device = 0;
  std::uint64_t pages_released = 0;  // through the release queue
};

// What one rank's controllers share: the parts they drive, and where the step is. All of it belongs
// to the scheduler thread and outlives the controllers.
struct ControlContext {
  Rank rank = 0;
  std::uint32_t page_tokens = 1;
  const Rules& rules;
  const LatencyModel& latency;
  BackgroundTiming timing;
  RadixTree& tree;
  PagePool& device;
  PagePool& host;
  PageCopier& copier;
  HostAllocator& host_allocator;
  Agreement& agreement;
  DecisionSink* decisions = nullptr;  // may be null

  std::uint64_t step = 0;
  std::int64_t now_ns = 0;
  ControlCounts counts{};

  // A guard decided about a call at `site`. `outcome` must be the same on every rank of a replica
  // that is well; what only this rank knows goes into the inputs, four at most.
  void note(Guard guard,
            Site site,
            std::uint64_t key,
            std::int64_t outcome,
            std::initializer_list<std::size_t> inputs) const {
    if (decisions == nullptr) return;
    Decision decision{.guard = guard,
                      .site = static_cast<std::uint16_t>(site),
                      .step = step,
                      .key = key,
                      .outcome = outcome};
    RADIXBENCH_CHECK(inputs.size() <= decision.inputs.size());
    for (const std::size_t input : inputs) {
      decision.inputs[decision.input_count++] = static_cast<std::int64_t>(input);
    }
    decisions->decided(decision);
  }
};

}  // namespace radixbench

#pragma once

#include "trace/request.h"

#include <cstdint>
#include <optional>

namespace radixbench {

struct IndexReplayOptions {
  std::uint32_t page_tokens = 1;
  std::optional<std::uint64_t> device_tokens;  // none: nothing is evicted
  bool stamps_split_remainder = false;         // J's tree; SGLang's C++ tree leaves it
};

// inserted == query - hit, and what is held at the end is inserted - evicted.
struct IndexReplayTotals {
  std::uint64_t query_tokens = 0;  // of whole pages
  std::uint64_t hit_tokens = 0;
  std::uint64_t inserted_tokens = 0;
  std::uint64_t evicted_tokens = 0;
  std::uint64_t node_count = 0;  // at the end
};

// The trace's prompts through one tree, one request after the other in the trace's order (no clock,
// no output tokens): match, lock, evict whole least recent leaves until the prompt fits, insert,
// unlock. These totals are what index-replay.json holds of SGLang's C++ tree.
IndexReplayTotals replay_index(const Trace& trace, const IndexReplayOptions& options);

}  // namespace radixbench

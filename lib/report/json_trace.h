#pragma once

#include "trace/lru_reference.h"
#include "trace/request.h"
#include "trace/statistics.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// One replay of the trace through the radix tree alone, in tokens.
struct TreeOutcome {
  std::uint32_t page_tokens = 1;
  std::optional<std::uint64_t> device_tokens;  // no cap where absent
  bool stamps_split_remainder = false;
  std::uint64_t query = 0, hit = 0, inserted = 0, evicted = 0;
};

// What is to be said of a trace before anything is replayed on ranks. Nothing in it depends on
// output blocks: the references and the tree take prompts only.
struct TraceInspection {
  std::string path, sha256;
  std::string known_as;  // empty for a trace nobody published
  TraceCounts counts;
  std::vector<std::string> warnings;
  TraceStatistics statistics;
  std::vector<LruOutcome> lru;
  std::vector<TierOutcome> tiers;
  std::vector<TreeOutcome> trees;
};

// One line of JSON; a capacity that is not limited is null. docs/formats/trace.md has its fields.
std::string trace_json(const TraceInspection& inspection);

}  // namespace radixbench

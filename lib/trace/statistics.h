#pragma once

#include "trace/request.h"

#include <cstdint>
#include <string_view>

namespace radixbench {

// Percentiles interpolate between neighbours, as numpy does by default.
struct LengthSummary {
  std::uint64_t sum = 0, min = 0, max = 0;
  double mean = 0, p50 = 0, p90 = 0, p99 = 0;
};

// What a cache that never evicts would hit. Averages differ a lot, so each is named. The common
// root, those leading blocks that begin every prompt, is in all of them but the last three.
struct CeilingSummary {
  std::uint64_t hit_blocks = 0;
  double block_share = 0;         // of block references
  double token_share = 0;         // of input tokens; a partial tail weighs its own tokens
  double request_mean = 0;        // mean over requests of the share of their own tokens
  double full_block_share = 0;    // of references to full blocks, partial tails left out
  double full_token_share = 0;    // of input tokens, hits on full blocks only
  double any_hit_share = 0;       // of requests, with at least one block
  double whole_prompt_share = 0;  // of requests, with every block
  std::uint32_t common_root_blocks = 0;
  std::uint64_t hit_blocks_beyond_root = 0;
  double block_share_beyond_root = 0;
  double any_hit_share_beyond_root = 0;
};

// Most arrivals in a window; windows start at multiples of their length.
struct PeakArrivals {
  std::uint64_t in_1_s = 0, in_10_s = 0, in_60_s = 0;
};

struct TraceStatistics {
  double duration_s = 0;  // first to last arrival
  double rate_per_s = 0;  // 0 where all arrive at once
  std::uint64_t times_distinct = 0;
  PeakArrivals peak;
  LengthSummary input_tokens;
  LengthSummary output_tokens;
  std::uint64_t block_references = 0;
  std::uint64_t blocks_distinct = 0;
  std::uint64_t blocks_seen_once = 0;
  std::uint64_t first_blocks_distinct = 0;
  CeilingSummary ceiling;
};

// Of a trace with at least one request.
TraceStatistics trace_statistics(const Trace& trace);

// The published name of a trace with this SHA-256, or empty.
std::string_view known_trace_name(std::string_view sha256);

}  // namespace radixbench

#include "trace/statistics.h"

#include "base/check.h"
#include "trace/arrivals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

double share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double percentile(std::span<const std::uint32_t> sorted, double fraction) {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double low = sorted[below];
  return low + (place - std::floor(place)) * (sorted[above] - low);
}

LengthSummary summarize(const Trace& trace, std::uint32_t Request::*length) {
  std::vector<std::uint32_t> sorted;
  for (const Request& request : trace.requests) sorted.push_back(request.*length);
  std::ranges::sort(sorted);
  const std::uint64_t sum = std::accumulate(sorted.begin(), sorted.end(), std::uint64_t{0});
  return {.sum = sum,
          .min = sorted.front(),
          .max = sorted.back(),
          .mean = share_of(sum, sorted.size()),
          .p50 = percentile(sorted, 0.5),
          .p90 = percentile(sorted, 0.9),
          .p99 = percentile(sorted, 0.99)};
}

std::uint64_t peak_in(const Trace& trace, std::int64_t window_s) {
  std::uint64_t peak = 0;
  std::uint64_t count = 0;
  std::int64_t window = 0;
  for (const Request& request : trace.requests) {
    const std::int64_t at = request.arrival_ns / (window_s * kNsPerSecond);
    count = at == std::exchange(window, at) ? count + 1 : 1;
    peak = std::max(peak, count);
  }
  return peak;
}

// Leading blocks that every prompt has.
std::uint32_t common_root(const Trace& trace) {
  std::span<const std::uint32_t> root = trace.blocks_of(trace.requests.front());
  for (const Request& request : trace.requests) {
    const std::span<const std::uint32_t> blocks = trace.blocks_of(request);
    const auto differing = std::ranges::mismatch(root, blocks).in1;
    root = root.first(static_cast<std::size_t>(differing - root.begin()));
  }
  return static_cast<std::uint32_t>(root.size());
}

std::uint64_t full_blocks_of(const Request& request) {
  return request.input_tokens / kTraceBlockTokens;
}

// Hits of an infinite cache, request by request.
struct HitSums {
  std::uint64_t blocks = 0, tokens = 0, full_blocks = 0, full_references = 0;
  std::uint64_t requests_hit = 0, requests_whole = 0, requests_hit_beyond_root = 0;
  std::uint64_t blocks_beyond_root = 0, references_beyond_root = 0;
  double shares = 0;

  void add(const Request& request, std::uint64_t hits, std::uint32_t root) {
    const bool is_whole = hits == request.block_count;
    const std::uint64_t full_hits = std::min(hits, full_blocks_of(request));
    blocks += hits;
    const std::uint64_t hit_tokens = is_whole ? request.input_tokens : hits * kTraceBlockTokens;
    tokens += hit_tokens;
    full_blocks += full_hits;
    full_references += full_blocks_of(request);
    requests_hit += hits > 0 ? 1 : 0;
    requests_whole += is_whole ? 1 : 0;
    requests_hit_beyond_root += hits > root ? 1 : 0;
    blocks_beyond_root += hits > root ? hits - root : 0;
    references_beyond_root += request.block_count - root;
    shares += share_of(hit_tokens, request.input_tokens);
  }
};

HitSums infinite_cache_hits(const Trace& trace, std::uint32_t root) {
  HitSums sums;
  std::vector<bool> is_seen(trace.counts.blocks_distinct, false);
  for (const Request& request : trace.requests) {
    const std::span<const std::uint32_t> blocks = trace.blocks_of(request);
    const auto first_new =
        std::ranges::find_if(blocks, [&](std::uint32_t block) { return !is_seen[block]; });
    sums.add(request, static_cast<std::uint64_t>(first_new - blocks.begin()), root);
    for (const std::uint32_t block : blocks) is_seen[block] = true;
  }
  return sums;
}

CeilingSummary ceiling_of(const Trace& trace, std::uint64_t input_tokens) {
  const std::uint32_t root = common_root(trace);
  const HitSums sums = infinite_cache_hits(trace, root);
  const std::size_t requests = trace.requests.size();
  return {.hit_blocks = sums.blocks,
          .block_share = share_of(sums.blocks, trace.blocks.size()),
          .token_share = share_of(sums.tokens, input_tokens),
          .request_mean = sums.shares / static_cast<double>(requests),
          .full_block_share = share_of(sums.full_blocks, sums.full_references),
          .full_token_share = share_of(sums.full_blocks * kTraceBlockTokens, input_tokens),
          .any_hit_share = share_of(sums.requests_hit, requests),
          .whole_prompt_share = share_of(sums.requests_whole, requests),
          .common_root_blocks = root,
          .hit_blocks_beyond_root = sums.blocks_beyond_root,
          .block_share_beyond_root = share_of(sums.blocks_beyond_root, sums.references_beyond_root),
          .any_hit_share_beyond_root = share_of(sums.requests_hit_beyond_root, requests)};
}

void count_blocks(const Trace& trace, TraceStatistics& statistics) {
  std::vector<std::uint32_t> uses(trace.counts.blocks_distinct, 0);
  std::vector<bool> is_first(trace.counts.blocks_distinct, false);
  for (const std::uint32_t block : trace.blocks) ++uses[block];
  for (const Request& request : trace.requests) is_first[trace.blocks_of(request).front()] = true;
  statistics.block_references = trace.blocks.size();
  statistics.blocks_distinct = trace.counts.blocks_distinct;
  statistics.blocks_seen_once = static_cast<std::uint64_t>(std::ranges::count(uses, 1U));
  statistics.first_blocks_distinct = static_cast<std::uint64_t>(std::ranges::count(is_first, true));
}

}  // namespace

TraceStatistics trace_statistics(const Trace& trace) {
  RADIXBENCH_CHECK(!trace.requests.empty());
  TraceStatistics statistics;
  const std::int64_t duration_ns =
      trace.requests.back().arrival_ns - trace.requests.front().arrival_ns;
  statistics.duration_s = static_cast<double>(duration_ns) / static_cast<double>(kNsPerSecond);
  statistics.rate_per_s =
      duration_ns == 0 ? 0 : static_cast<double>(trace.requests.size()) / statistics.duration_s;
  statistics.times_distinct = distinct_times(trace.requests);
  statistics.peak = {peak_in(trace, 1), peak_in(trace, 10), peak_in(trace, 60)};
  statistics.input_tokens = summarize(trace, &Request::input_tokens);
  statistics.output_tokens = summarize(trace, &Request::output_tokens);
  count_blocks(trace, statistics);
  statistics.ceiling = ceiling_of(trace, statistics.input_tokens.sum);
  return statistics;
}

std::string_view known_trace_name(std::string_view sha256) {
  struct KnownTrace {
    std::string_view sha256, name;
  };
  constexpr std::array<KnownTrace, 2> kKnown = {{
      {"b8cbb061a85206d729d91cdc2981f43c9e0d99209dce588d3af5f7934408b9df",
       "Mooncake FAST25 conversation trace"},
      {"fe7fb82e8b35543f2ec52f4458d6c6800a88c648c632ce26e29ac707ecc237bf",
       "radixbench's own sample of 400 requests"},
  }};
  const auto found = std::ranges::find(kKnown, sha256, &KnownTrace::sha256);
  return found == kKnown.end() ? std::string_view{} : found->name;
}

}  // namespace radixbench

#include "trace_table.h"

#include <fmt/format.h>

#include <iterator>

namespace radixbench {
namespace {

template <typename... Arguments>
void add(std::string& text, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
}

double percent(double share) { return 100 * share; }

void append_heading(const TraceInspection& inspection, std::string& text) {
  const TraceCounts& counts = inspection.counts;
  add(text, "{}\n", inspection.path);
  if (!inspection.known_as.empty()) add(text, "  known as  {}\n", inspection.known_as);
  add(text, "  sha256    {}\n", inspection.sha256);
  add(text,
      "  format    Mooncake JSON lines, blocks of {} tokens, partial last blocks kept; output "
      "blocks: none (prompts only)\n",
      kTraceBlockTokens);
  add(text,
      "  rows      {} read = {} emitted + {} malformed + {} beyond the limit\n",
      counts.rows_read,
      counts.emitted,
      counts.dropped_bad,
      counts.dropped_beyond_limit);
  add(text,
      "            {} out of order, {} duplicate, {} with extra fields; {} id conflicts\n",
      counts.rows_unsorted,
      counts.rows_duplicate,
      counts.rows_extra_fields,
      counts.id_conflicts);
  for (const std::string& warning : inspection.warnings) add(text, "  warning   {}\n", warning);
}

void append_lengths(std::string_view name, const LengthSummary& lengths, std::string& text) {
  add(text,
      "  {:<14}{:>12}{:>10.1f}{:>9}{:>10.1f}{:>10.1f}{:>10.1f}{:>9}\n",
      name,
      lengths.sum,
      lengths.mean,
      lengths.min,
      lengths.p50,
      lengths.p90,
      lengths.p99,
      lengths.max);
}

void append_arrivals(const TraceStatistics& statistics, std::string& text) {
  add(text,
      "\narrivals: {:.3f} s, {:.2f} a second, {} distinct times; most in 1 s / 10 s / 60 s: {} / "
      "{} "
      "/ {}\n",
      statistics.duration_s,
      statistics.rate_per_s,
      statistics.times_distinct,
      statistics.peak.in_1_s,
      statistics.peak.in_10_s,
      statistics.peak.in_60_s);
  add(text,
      "\n  {:<14}{:>12}{:>10}{:>9}{:>10}{:>10}{:>10}{:>9}\n",
      "tokens",
      "sum",
      "mean",
      "min",
      "p50",
      "p90",
      "p99",
      "max");
  append_lengths("input", statistics.input_tokens, text);
  append_lengths("output", statistics.output_tokens, text);
}

void append_ceiling(const TraceStatistics& statistics, std::string& text) {
  const CeilingSummary& ceiling = statistics.ceiling;
  const auto line = [&text](double share, std::string_view what) {
    add(text, "  {:>7.2f} %  {}\n", percent(share), what);
  };
  add(text,
      "\nblocks: {} references to {} distinct, {} of them seen once; {} distinct first blocks\n",
      statistics.block_references,
      statistics.blocks_distinct,
      statistics.blocks_seen_once,
      statistics.first_blocks_distinct);
  add(text, "\na cache that never evicts hits {} blocks\n", ceiling.hit_blocks);
  line(ceiling.block_share, "of block references");
  line(ceiling.token_share, "of input tokens");
  line(ceiling.request_mean, "mean over requests, of each one's tokens");
  line(ceiling.full_block_share, "of references to full blocks, partial last blocks left out");
  line(ceiling.full_token_share, "of input tokens, full blocks only");
  line(ceiling.any_hit_share, "of requests hit something");
  line(ceiling.whole_prompt_share, "of requests are held whole");
  add(text,
      "beyond the common root ({} blocks that begin every prompt) it hits {} blocks\n",
      ceiling.common_root_blocks,
      ceiling.hit_blocks_beyond_root);
  line(ceiling.block_share_beyond_root, "of the block references beyond it");
  line(ceiling.any_hit_share_beyond_root, "of requests hit something beyond it");
}

void append_lru(const TraceInspection& inspection, std::string& text) {
  if (inspection.lru.empty()) return;
  add(text, "\nLRU over whole blocks, no locks, no delay; output blocks: none\n");
  add(text,
      "  {:>12}{:>12}{:>12}{:>12}{:>10}\n",
      "capacity",
      "hits",
      "evicted",
      "resident",
      "hit share");
  for (const LruOutcome& outcome : inspection.lru) {
    const bool is_unlimited = outcome.capacity_blocks == BlockLru::kUnlimited;
    add(text,
        "  {:>12}{:>12}{:>12}{:>12}{:>8.2f} %\n",
        is_unlimited ? "infinite" : std::to_string(outcome.capacity_blocks),
        outcome.hits,
        outcome.evicted,
        outcome.resident,
        percent(static_cast<double>(outcome.hits) /
                static_cast<double>(inspection.statistics.block_references)));
  }
}

void append_tiers(const TraceInspection& inspection, std::string& text) {
  if (inspection.tiers.empty()) return;
  add(text,
      "\nthree tiers: device and host inclusive LRU, storage unlimited; blocks; output blocks: "
      "none\n");
  add(text,
      "  {:>12}{:>12} |{:>12}{:>12}{:>12}{:>12}\n",
      "device size",
      "host size",
      "device",
      "host",
      "storage",
      "miss");
  for (const TierOutcome& outcome : inspection.tiers) {
    add(text,
        "  {:>12}{:>12} |{:>12}{:>12}{:>12}{:>12}\n",
        outcome.device_blocks,
        outcome.host_blocks,
        outcome.device,
        outcome.host,
        outcome.storage,
        outcome.miss);
  }
}

void append_trees(const TraceInspection& inspection, std::string& text) {
  if (inspection.trees.empty()) return;
  add(text, "\nradix tree, one request after another; tokens; output blocks: none\n");
  add(text,
      "  {:>5}{:>15}{:>7} |{:>12}{:>12}{:>12}{:>12}{:>10}\n",
      "page",
      "device tokens",
      "stamp",
      "query",
      "hit",
      "inserted",
      "evicted",
      "hit share");
  for (const TreeOutcome& outcome : inspection.trees) {
    add(text,
        "  {:>5}{:>15}{:>7} |{:>12}{:>12}{:>12}{:>12}{:>8.2f} %\n",
        outcome.page_tokens,
        outcome.device_tokens ? std::to_string(*outcome.device_tokens) : "none",
        outcome.stamps_split_remainder ? "on" : "off",
        outcome.query,
        outcome.hit,
        outcome.inserted,
        outcome.evicted,
        outcome.query == 0
            ? 0.0
            : percent(static_cast<double>(outcome.hit) / static_cast<double>(outcome.query)));
  }
}

}  // namespace

std::string trace_table(const TraceInspection& inspection) {
  std::string text;
  append_heading(inspection, text);
  append_arrivals(inspection.statistics, text);
  append_ceiling(inspection.statistics, text);
  append_lru(inspection, text);
  append_tiers(inspection, text);
  append_trees(inspection, text);
  return text;
}

}  // namespace radixbench

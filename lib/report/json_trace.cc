#include "report/json_trace.h"

#include <nlohmann/json.hpp>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

Json counts_json(const TraceCounts& counts) {
  return {{"rows_read", counts.rows_read},
          {"emitted", counts.emitted},
          {"dropped_bad", counts.dropped_bad},
          {"dropped_beyond_limit", counts.dropped_beyond_limit},
          {"rows_unsorted", counts.rows_unsorted},
          {"rows_duplicate", counts.rows_duplicate},
          {"rows_extra_fields", counts.rows_extra_fields},
          {"id_conflicts", counts.id_conflicts}};
}

Json lengths_json(const LengthSummary& lengths) {
  return {{"sum", lengths.sum},
          {"mean", lengths.mean},
          {"min", lengths.min},
          {"p50", lengths.p50},
          {"p90", lengths.p90},
          {"p99", lengths.p99},
          {"max", lengths.max}};
}

Json ceiling_json(const CeilingSummary& ceiling) {
  return {{"hit_blocks", ceiling.hit_blocks},
          {"block_share", ceiling.block_share},
          {"token_share", ceiling.token_share},
          {"request_mean", ceiling.request_mean},
          {"full_block_share", ceiling.full_block_share},
          {"full_token_share", ceiling.full_token_share},
          {"any_hit_share", ceiling.any_hit_share},
          {"whole_prompt_share", ceiling.whole_prompt_share},
          {"common_root_blocks", ceiling.common_root_blocks},
          {"hit_blocks_beyond_root", ceiling.hit_blocks_beyond_root},
          {"block_share_beyond_root", ceiling.block_share_beyond_root},
          {"any_hit_share_beyond_root", ceiling.any_hit_share_beyond_root}};
}

Json statistics_json(const TraceStatistics& statistics) {
  return {{"duration_s", statistics.duration_s},
          {"rate_per_s", statistics.rate_per_s},
          {"times_distinct", statistics.times_distinct},
          {"peak_arrivals_1_s", statistics.peak.in_1_s},
          {"peak_arrivals_10_s", statistics.peak.in_10_s},
          {"peak_arrivals_60_s", statistics.peak.in_60_s},
          {"input_tokens", lengths_json(statistics.input_tokens)},
          {"output_tokens", lengths_json(statistics.output_tokens)},
          {"block_references", statistics.block_references},
          {"blocks_distinct", statistics.blocks_distinct},
          {"blocks_seen_once", statistics.blocks_seen_once},
          {"first_blocks_distinct", statistics.first_blocks_distinct},
          {"infinite_cache", ceiling_json(statistics.ceiling)}};
}

Json lru_json(const LruOutcome& outcome) {
  const bool is_unlimited = outcome.capacity_blocks == BlockLru::kUnlimited;
  return {{"capacity_blocks", is_unlimited ? Json{} : Json(outcome.capacity_blocks)},
          {"hits", outcome.hits},
          {"evicted", outcome.evicted},
          {"resident", outcome.resident}};
}

Json tiers_json(const TierOutcome& outcome) {
  return {{"device_blocks", outcome.device_blocks},
          {"host_blocks", outcome.host_blocks},
          {"device", outcome.device},
          {"host", outcome.host},
          {"storage", outcome.storage},
          {"miss", outcome.miss}};
}

// The names of tests/data/vectors/index-replay.json.
Json tree_json(const TreeOutcome& outcome) {
  return {{"page", outcome.page_tokens},
          {"cap", outcome.device_tokens ? Json(*outcome.device_tokens) : Json{}},
          {"stamp", outcome.stamps_split_remainder},
          {"query", outcome.query},
          {"hit", outcome.hit},
          {"inserted", outcome.inserted},
          {"evicted", outcome.evicted}};
}

template <typename Outcome>
Json array_json(const std::vector<Outcome>& outcomes, Json (*to_json)(const Outcome&)) {
  Json array = Json::array();
  for (const Outcome& outcome : outcomes) array.push_back(to_json(outcome));
  return array;
}

}  // namespace

std::string trace_json(const TraceInspection& inspection) {
  Json json;
  json["path"] = inspection.path;
  json["sha256"] = inspection.sha256;
  json["known_as"] = inspection.known_as.empty() ? Json{} : Json(inspection.known_as);
  json["format"] = "mooncake";
  json["block_tokens"] = kTraceBlockTokens;
  json["output_blocks"] = "none";
  json["counts"] = counts_json(inspection.counts);
  json["warnings"] = inspection.warnings;
  json["statistics"] = statistics_json(inspection.statistics);
  json["lru"] = array_json(inspection.lru, lru_json);
  json["tiers"] = array_json(inspection.tiers, tiers_json);
  json["tree"] = array_json(inspection.trees, tree_json);
  // A path need not be UTF-8; what is not reads as U+FFFD.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace radixbench

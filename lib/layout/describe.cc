#include "layout/describe.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

// The helper's rule: attention CP if it has peers, then attention TP if it has; only if neither
// has, the TP cache group.
std::string reduce_path(const CacheGroups& groups) {
  const bool has_cp = groups.attn_cp.size() > 1;
  const bool has_tp = groups.attention_tp.size() > 1;
  if (has_cp && has_tp) return "attn_cp then attn_tp";
  if (has_cp) return "attn_cp";
  if (has_tp) return "attn_tp";
  return groups.tp_cache_group.size() > 1 ? "tp_cache_group" : "none";
}

// Who holds the same value after each rank reduced along that path.
RankList reached_by(const Layout& layout, const std::string& path, Rank rank) {
  std::set<Rank> reached = {rank};
  const auto reduce_over = [&](std::string_view kind) {
    std::set<Rank> wider;
    for (const Rank member : reached) {
      const RankList& peers = layout.group_of(kind, member);
      wider.insert(peers.begin(), peers.end());
    }
    reached = std::move(wider);
  };
  if (path.starts_with("attn_cp")) reduce_over("attn_cp");
  if (path.ends_with("attn_tp")) reduce_over("attention_tp");
  if (path == "tp_cache_group") reduce_over(layout.sizes().dp_attention ? "attention_tp" : "tp");
  return {reached.begin(), reached.end()};
}

CachePlace place_of(const Layout& layout, Rank rank) {
  const Coordinates at = layout.coordinates(rank);
  const LayoutSizes& sizes = layout.sizes();
  CachePlace place;
  place.rank = rank;
  place.groups = layout.cache_groups(rank);
  place.reduce_path_stage = reduce_path(place.groups);
  place.effective_stage_set = reached_by(layout, place.reduce_path_stage, rank);
  place.storage_tp_rank = sizes.dp_attention ? at.attn_tp_rank : at.tp_rank;
  place.storage_tp_size = sizes.dp_attention ? layout.attn_tp_size() : sizes.tp;
  place.storage_cp_rank = at.attn_cp_rank;
  place.storage_cp_size = sizes.cp;
  place.storage_pp_rank = at.pp_rank;
  place.storage_pp_size = sizes.pp;
  place.writes_l3 = place.storage_tp_rank == 0;
  return place;
}

bool is_derived(const std::string& kind) {
  return kind == "cache_stage_replica" || kind == "cache_replica";
}

}  // namespace

LayoutDescription describe(std::string name, const ParsedLayout& parsed) {
  LayoutDescription description;
  description.name = std::move(name);
  description.sizes = parsed.sizes;
  description.errors = parsed.errors;
  description.warnings = parsed.warnings;
  if (!parsed.errors.empty()) return description;
  const Layout& layout = description.layout.emplace(parsed.sizes);
  for (const std::string& kind : layout.kinds()) {
    if (is_derived(kind) || layout.aliases().contains(kind)) continue;
    description.creation.emplace_back(kind, layout.groups(kind).size());
    description.new_group_calls += 2 * layout.groups(kind).size();
  }
  for (Rank rank = 0; rank < layout.world_size(); ++rank) {
    description.places.push_back(place_of(layout, rank));
  }
  return description;
}

RankList cache_group_lacks(const Layout& layout, Rank rank) {
  const RankList& replica = layout.replica(rank);
  const RankList held = layout.cache_groups(rank).tp_cache_group;
  RankList lacking;
  std::set_difference(
      replica.begin(), replica.end(), held.begin(), held.end(), std::back_inserter(lacking));
  return lacking;
}

}  // namespace radixbench

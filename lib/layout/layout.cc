#include "layout/layout.h"

#include "base/check.h"
#include "layout/validity.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace radixbench {

Layout::Layout(LayoutSizes sizes) : sizes_{sizes} {
  RADIXBENCH_CHECK(broken_rules(sizes).empty());
  const std::uint32_t attn_tp = attn_tp_size();
  const std::uint32_t moe_tp = moe_tp_size();
  add_axis("world", world_size(), 1);
  add_axis("tp", sizes.tp, 1);
  if (sizes.dcp > 1) add_axis("dcp", sizes.dcp, 1);
  add_axis("attn_cp", sizes.cp, attn_tp);
  add_axis("attention_tp", attn_tp, 1);
  // With more CP than MoE-DP the engine hands out the CP group under this name, of CP's width.
  const bool is_cp = sizes.cp > sizes.moe_dp;
  add_axis("moe_dp", is_cp ? sizes.cp : sizes.moe_dp, is_cp ? attn_tp : moe_tp * sizes.ep);
  add_axis("moe_ep", sizes.ep, moe_tp);
  add_axis("moe_tp", moe_tp, 1);
  add_axis("pp", sizes.pp, sizes.tp);
  add_axis("self_pp", 1, 1);
  add_axis("cache_stage_replica", sizes.cp * attn_tp, 1);
  add_cache_replicas();
  find_aliases();
}

std::uint32_t Layout::attn_dp_size() const { return sizes_.dp_attention ? sizes_.dp : 1; }

std::uint32_t Layout::attn_tp_size() const { return sizes_.tp / attn_dp_size() / sizes_.cp; }

std::uint32_t Layout::moe_tp_size() const { return sizes_.tp / sizes_.ep / sizes_.moe_dp; }

Coordinates Layout::coordinates(Rank rank) const {
  RADIXBENCH_CHECK(rank < world_size());
  const std::uint32_t tp_rank = rank % sizes_.tp;
  const std::uint32_t attn_tp = attn_tp_size();
  const std::uint32_t moe_tp = moe_tp_size();
  return {.rank = rank,
          .pp_rank = rank / sizes_.tp,
          .tp_rank = tp_rank,
          .attn_dp_rank = tp_rank / (attn_tp * sizes_.cp),
          .attn_cp_rank = tp_rank / attn_tp % sizes_.cp,
          .attn_tp_rank = tp_rank % attn_tp,
          .moe_dp_rank = tp_rank / (moe_tp * sizes_.ep),
          .moe_ep_rank = tp_rank / moe_tp % sizes_.ep,
          .moe_tp_rank = tp_rank % moe_tp,
          .dcp_rank = tp_rank % sizes_.dcp};
}

const std::vector<RankList>& Layout::groups(std::string_view kind) const {
  const auto found = groups_.find(kind);
  RADIXBENCH_CHECK(found != groups_.end());
  return found->second;
}

const RankList& Layout::group_of(std::string_view kind, Rank rank) const {
  const auto found = list_of_rank_.find(kind);
  RADIXBENCH_CHECK(found != list_of_rank_.end() && rank < found->second.size());
  return groups(kind)[found->second[rank]];
}

CacheGroups Layout::cache_groups(Rank rank) const {
  return {.tp_cache_group = group_of(sizes_.dp_attention ? "attention_tp" : "tp", rank),
          .attn_cp = group_of("attn_cp", rank),
          .attention_tp = group_of("attention_tp", rank),
          .tp = group_of("tp", rank),
          .pp = group_of("pp", rank)};
}

const RankList& Layout::replica(Rank rank) const { return group_of("cache_stage_replica", rank); }

std::string Layout::spec() const {
  std::string text = fmt::format("sglang:tp={}", sizes_.tp);
  const std::array<std::pair<const char*, std::uint32_t>, 6> optional = {
      {{"cp", sizes_.cp},
       {sizes_.dp_attention ? "dp" : "replicas", sizes_.dp},
       {"pp", sizes_.pp},
       {"ep", sizes_.ep},
       {"moe_dp", sizes_.moe_dp},
       {"dcp", sizes_.dcp}}};
  for (const auto& [key, size] : optional) {
    if (size != 1) text += fmt::format(",{}={}", key, size);
  }
  return text;
}

void Layout::add_axis(std::string kind, std::uint32_t width, std::uint32_t stride) {
  std::vector<RankList> lists;
  for (Rank block = 0; block < world_size(); block += width * stride) {
    for (Rank offset = 0; offset < stride; ++offset) {
      RankList& list = lists.emplace_back();
      for (std::uint32_t i = 0; i < width; ++i) list.push_back(block + offset + stride * i);
    }
  }
  add_lists(std::move(kind), std::move(lists));
}

void Layout::add_lists(std::string kind, std::vector<RankList> lists) {
  std::vector<std::uint32_t> list_of_rank(world_size());
  for (std::uint32_t i = 0; i < lists.size(); ++i) {
    for (const Rank rank : lists[i]) list_of_rank[rank] = i;
  }
  list_of_rank_.emplace(kind, std::move(list_of_rank));
  groups_.emplace(kind, std::move(lists));
  kinds_.push_back(std::move(kind));
}

void Layout::add_cache_replicas() {
  const std::uint32_t width = sizes_.cp * attn_tp_size();
  std::vector<RankList> lists(attn_dp_size());
  for (Rank rank = 0; rank < world_size(); ++rank) {
    lists[rank % sizes_.tp / width].push_back(rank);
  }
  add_lists("cache_replica", std::move(lists));
}

void Layout::find_aliases() {
  if (sizes_.cp == sizes_.tp) aliases_.emplace("attn_cp", "tp");
  if (attn_tp_size() == sizes_.tp) aliases_.emplace("attention_tp", "tp");
  if (sizes_.cp > sizes_.moe_dp) {
    aliases_.emplace("moe_dp", "attn_cp");
  } else if (sizes_.moe_dp == sizes_.tp) {
    aliases_.emplace("moe_dp", "tp");
  }
  if (sizes_.ep == sizes_.tp) aliases_.emplace("moe_ep", "tp");
  if (moe_tp_size() == sizes_.tp) aliases_.emplace("moe_tp", "tp");
}

}  // namespace radixbench

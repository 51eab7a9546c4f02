#include "report/json_layout.h"

#include <nlohmann/json.hpp>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

// Of the engine whose arithmetic lib/layout follows.
constexpr const char* kVintage = "2026-08-22 main (unchanged later)";

Json args_json(const LayoutSizes& sizes) {
  return {{"tp", sizes.tp},
          {"pp", sizes.pp},
          {"cp", sizes.cp},
          {"dp", sizes.dp},
          {"dp_attention", sizes.dp_attention},
          {"ep", sizes.ep},
          {"moe_dp", sizes.moe_dp},
          {"dcp", sizes.dcp}};
}

Json coordinates_json(const Coordinates& at) {
  return {{"rank", at.rank},
          {"pp_rank", at.pp_rank},
          {"tp_rank", at.tp_rank},
          {"attn_dp_rank", at.attn_dp_rank},
          {"attn_cp_rank", at.attn_cp_rank},
          {"attn_tp_rank", at.attn_tp_rank},
          {"moe_dp_rank", at.moe_dp_rank},
          {"moe_ep_rank", at.moe_ep_rank},
          {"moe_tp_rank", at.moe_tp_rank},
          {"dcp_rank", at.dcp_rank}};
}

Json place_json(const CachePlace& place) {
  return {{"rank", place.rank},
          {"tp_cache_group", place.groups.tp_cache_group},
          {"attn_cp_cache_group", place.groups.attn_cp},
          {"attn_tp_cache_group", place.groups.attention_tp},
          {"pp_cache_group", place.groups.pp},
          {"reduce_path_stage", place.reduce_path_stage},
          {"effective_stage_set", place.effective_stage_set},
          {"storage_tp_rank", place.storage_tp_rank},
          {"storage_tp_size", place.storage_tp_size},
          {"storage_cp_rank", place.storage_cp_rank},
          {"storage_cp_size", place.storage_cp_size},
          {"storage_pp_rank", place.storage_pp_rank},
          {"storage_pp_size", place.storage_pp_size},
          {"writes_l3", place.writes_l3}};
}

Json extra_json(const LayoutDescription& description) {
  const Layout& layout = *description.layout;
  Json creation = Json::array();
  for (const auto& [kind, count] : description.creation) {
    creation.push_back(Json::array({kind, count}));
  }
  Json places = Json::array();
  for (const CachePlace& place : description.places) places.push_back(place_json(place));
  return {{"worlds", layout.world_count()},
          {"attn_tp_size", layout.attn_tp_size()},
          {"attn_cp_size", layout.attn_cp_size()},
          {"attn_dp_size", layout.attn_dp_size()},
          {"moe_tp_size", layout.moe_tp_size()},
          {"moe_ep_size", layout.sizes().ep},
          {"moe_dp_size", layout.sizes().moe_dp},
          {"dp_attention", layout.sizes().dp_attention},
          {"creation", std::move(creation)},
          {"new_group_calls", description.new_group_calls},
          {"hicache", std::move(places)}};
}

}  // namespace

std::string layout_json(const LayoutDescription& description, std::string_view why) {
  Json json;
  json["name"] = description.name;
  json["why"] = why;
  json["engine"] = "sglang";
  json["vintage"] = kVintage;
  json["args"] = args_json(description.sizes);
  json["world_size"] = std::uint64_t{description.sizes.tp} * description.sizes.pp;
  json["valid"] = description.errors.empty();
  json["errors"] = description.errors;
  json["warnings"] = description.warnings;
  json["alias"] = Json::object();
  json["groups"] = Json::object();
  json["ranks"] = Json::array();
  if (!description.layout) return json.dump();
  const Layout& layout = *description.layout;
  for (const auto& [kind, target] : layout.aliases()) json["alias"][kind] = target;
  for (const std::string& kind : layout.kinds()) json["groups"][kind] = layout.groups(kind);
  for (Rank rank = 0; rank < layout.world_size(); ++rank) {
    json["ranks"].push_back(coordinates_json(layout.coordinates(rank)));
  }
  json["extra"] = extra_json(description);
  return json.dump();
}

}  // namespace radixbench

#include "layout_table.h"

#include "columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

namespace radixbench {
namespace {

std::string list_text(const RankList& list) { return fmt::format("[{}]", fmt::join(list, ",")); }

void append_heading(const LayoutDescription& description,
                    std::string_view asked_for,
                    std::string& text) {
  const Layout& layout = *description.layout;
  const LayoutSizes& sizes = layout.sizes();
  const std::string alias =
      asked_for == description.name ? "" : fmt::format(" (asked for as {})", asked_for);
  const std::string worlds =
      layout.world_count() == 1
          ? ""
          : fmt::format("; one of {} separate worlds is shown", layout.world_count());
  fmt::format_to(
      std::back_inserter(text),
      "{}{}\n"
      "{} ranks = attention TP {} x attention CP {} x attention replicas {} x stages {}{}\n"
      "DP attention {}; experts: TP {} x EP {} x DP {}; decode CP {}\n",
      description.name,
      alias,
      layout.world_size(),
      layout.attn_tp_size(),
      layout.attn_cp_size(),
      layout.attn_dp_size(),
      sizes.pp,
      worlds,
      sizes.dp_attention ? "on" : "off",
      layout.moe_tp_size(),
      sizes.ep,
      sizes.moe_dp,
      sizes.dcp);
  for (const std::string& warning : description.warnings) text += "warning: " + warning + "\n";
}

void append_coordinates(const Layout& layout, std::string& text) {
  text += "\nrank  pp  tp | attention dp  cp  tp | experts dp  ep  tp | dcp\n";
  for (Rank rank = 0; rank < layout.world_size(); ++rank) {
    const Coordinates at = layout.coordinates(rank);
    fmt::format_to(std::back_inserter(text),
                   "{:4}{:4}{:4} |{:13}{:4}{:4} |{:11}{:4}{:4} |{:4}\n",
                   rank,
                   at.pp_rank,
                   at.tp_rank,
                   at.attn_dp_rank,
                   at.attn_cp_rank,
                   at.attn_tp_rank,
                   at.moe_dp_rank,
                   at.moe_ep_rank,
                   at.moe_tp_rank,
                   at.dcp_rank);
  }
}

void append_groups(const LayoutDescription& description, std::string& text) {
  const Layout& layout = *description.layout;
  fmt::format_to(std::back_inserter(text),
                 "\ngroups, in the order of their creation ({} new_group calls; the last two are "
                 "derived)\n",
                 description.new_group_calls);
  for (const std::string& kind : layout.kinds()) {
    const auto alias = layout.aliases().find(kind);
    const std::string name =
        alias == layout.aliases().end() ? kind : fmt::format("{} (= {})", kind, alias->second);
    fmt::format_to(std::back_inserter(text), "  {:<21}", name);
    for (const RankList& list : layout.groups(kind)) text += " " + list_text(list);
    text += "\n";
  }
}

void append_cache_groups(const LayoutDescription& description, std::string& text) {
  text += "\nwhat each rank's cache is given, and whom its agreements reach\n";
  std::vector<std::vector<std::string>> rows = {{"rank",
                                                 "tp_cache_group",
                                                 "attn_cp",
                                                 "attention_tp",
                                                 "pp",
                                                 "reduces over",
                                                 "reaches",
                                                 "L3 id tp/cp/pp",
                                                 "writes MLA L3"}};
  for (const CachePlace& place : description.places) {
    rows.push_back({fmt::format("{:4}", place.rank),
                    list_text(place.groups.tp_cache_group),
                    list_text(place.groups.attn_cp),
                    list_text(place.groups.attention_tp),
                    list_text(place.groups.pp),
                    place.reduce_path_stage,
                    list_text(place.effective_stage_set),
                    fmt::format("{}/{} {}/{} {}/{}",
                                place.storage_tp_rank,
                                place.storage_tp_size,
                                place.storage_cp_rank,
                                place.storage_cp_size,
                                place.storage_pp_rank,
                                place.storage_pp_size),
                    place.writes_l3 ? "yes" : "no"});
  }
  append_columns(rows, text);
}

std::string cache_group_in_words(const Layout& layout) {
  const bool is_attention = layout.sizes().dp_attention;
  const std::string which = is_attention ? "attention_tp, for DP attention is on"
                                         : "the stage's tp, for DP attention is off";
  const RankList lacking = cache_group_lacks(layout, 0);
  if (lacking.empty()) {
    return fmt::format(
        "tp_cache_group is {}. It holds every rank of the replica's stage{}: a reduction over it "
        "alone agrees.",
        which,
        layout.attn_cp_size() > 1 ? ", its CP peers too" : " (there are no CP peers)");
  }
  const CacheGroups groups = layout.cache_groups(0);
  const std::string guard =
      groups.tp_cache_group.size() == 1
          ? " It is a single rank: a guard on its size skips the collective altogether."
          : "";
  return fmt::format(
      "tp_cache_group is {}. It lacks the CP peers: rank 0 has {} where its replica's stage is {}, "
      "without {}. A site that reduces over it alone agrees too narrowly: the ranks go on with "
      "different values.{}",
      which,
      list_text(groups.tp_cache_group),
      list_text(layout.replica(0)),
      list_text(lacking),
      guard);
}

}  // namespace

std::string layout_table(const LayoutDescription& description, std::string_view asked_for) {
  std::string text;
  append_heading(description, asked_for, text);
  append_coordinates(*description.layout, text);
  append_groups(description, text);
  append_cache_groups(description, text);
  text += "\n" + cache_group_in_words(*description.layout) + "\n";
  return text;
}

}  // namespace radixbench

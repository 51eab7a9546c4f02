#pragma once

#include "layout/layout.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// What one rank's hierarchical cache is given, and which ranks it thereby reaches.
struct CachePlace {
  Rank rank = 0;
  CacheGroups groups;
  // The axes that the attention-group helper reduces over, one after the other: "attn_cp then
  // attn_tp", "attn_cp", "attn_tp", "tp_cache_group" or "none".
  std::string reduce_path_stage;
  RankList effective_stage_set;  // who ends up with the same value along that path
  // The coordinates by which storage tells this rank's pages from its peers'.
  std::uint32_t storage_tp_rank = 0, storage_tp_size = 1;
  std::uint32_t storage_cp_rank = 0, storage_cp_size = 1;
  std::uint32_t storage_pp_rank = 0, storage_pp_size = 1;
  bool writes_l3 = false;  // of a model whose KV is the same on every TP rank (MLA)
};

// Everything there is to say of a layout, in the shape of tests/data/vectors/parallel-groups.json.
struct LayoutDescription {
  std::string name;
  LayoutSizes sizes;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
  std::optional<Layout> layout;  // where there are no errors
  // The kinds that get communicators of their own, in creation order, and how many lists of each.
  std::vector<std::pair<std::string, std::size_t>> creation;
  std::size_t new_group_calls = 0;  // two a list: the device's and the CPU's
  std::vector<CachePlace> places;   // by rank
};

LayoutDescription describe(std::string name, const ParsedLayout& parsed);

// Members of the replica's stage that the rank's tp_cache_group does not hold; what the four
// hard-coded sites leave out.
RankList cache_group_lacks(const Layout& layout, Rank rank);

}  // namespace radixbench

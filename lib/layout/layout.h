#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Sizes as SGLang's command line takes them: tp is the width of a pipeline stage, from which
// attention CP and attention replicas are carved. reference: SGLang main of 2026-08-22.
struct LayoutSizes {
  std::uint32_t tp = 1;
  std::uint32_t pp = 1;
  std::uint32_t cp = 1;
  std::uint32_t dp = 1;  // attention replicas, or separate worlds where !dp_attention
  bool dp_attention = false;
  std::uint32_t ep = 1;
  std::uint32_t moe_dp = 1;
  std::uint32_t dcp = 1;
};

// A rank's place on each axis.
struct Coordinates {
  Rank rank = 0;
  std::uint32_t pp_rank = 0, tp_rank = 0;
  std::uint32_t attn_dp_rank = 0, attn_cp_rank = 0, attn_tp_rank = 0;
  std::uint32_t moe_dp_rank = 0, moe_ep_rank = 0, moe_tp_rank = 0;
  std::uint32_t dcp_rank = 0;
};

using RankList = std::vector<Rank>;  // in the engine's rank_in_group order

// What the hierarchical cache of one rank is given (SGLang's CacheInitParams).
struct CacheGroups {
  RankList tp_cache_group;  // attention TP under DP attention, else the stage's tp
  RankList attn_cp;
  RankList attention_tp;
  RankList tp;  // the stage, for stage_tp
  RankList pp;
};

// More ranks than this are refused as a slip of the finger: listing every rank's groups grows with
// the square of the world, and no published deployment of one engine comes near it.
constexpr std::uint32_t kWorldSizeMax = 1024;

// Groups and coordinates of one layout; a value, computed once, total over the sizes that
// parse_layout accepted. Other sizes are a bug of the caller.
class Layout {
 public:
  explicit Layout(LayoutSizes sizes);

  [[nodiscard]] const LayoutSizes& sizes() const { return sizes_; }
  [[nodiscard]] std::uint32_t world_size() const { return sizes_.tp * sizes_.pp; }
  [[nodiscard]] std::uint32_t attn_dp_size() const;  // replicas: dp under DP attention, else 1
  [[nodiscard]] std::uint32_t attn_cp_size() const { return sizes_.cp; }
  [[nodiscard]] std::uint32_t attn_tp_size() const;
  [[nodiscard]] std::uint32_t moe_tp_size() const;
  // Separate worlds of this layout that the engine would start; the groups are those of one.
  [[nodiscard]] std::uint32_t world_count() const { return sizes_.dp / attn_dp_size(); }
  [[nodiscard]] Coordinates coordinates(Rank rank) const;

  // Kinds in creation order: world, tp, [dcp], attn_cp, attention_tp, moe_dp, moe_ep, moe_tp, pp,
  // self_pp; then the derived cache_stage_replica and cache_replica. Lists sorted by first member.
  [[nodiscard]] const std::vector<std::string>& kinds() const { return kinds_; }
  [[nodiscard]] const std::vector<RankList>& groups(std::string_view kind) const;
  // The list of `kind` that holds `rank`; a kind that does not exist is a bug.
  [[nodiscard]] const RankList& group_of(std::string_view kind, Rank rank) const;
  // kind -> the kind whose communicator it shares, e.g. attn_cp -> tp where C = T.
  [[nodiscard]] const std::map<std::string, std::string>& aliases() const { return aliases_; }

  [[nodiscard]] CacheGroups cache_groups(Rank rank) const;
  // The ranks of this rank's stage that hold a copy of its prefix tree: attention CP x TP.
  [[nodiscard]] const RankList& replica(Rank rank) const;

  // sglang:tp=8,cp=2,dp=2 : the engine form, keys of size 1 left out, tp always there; separate
  // worlds are spelt replicas=. parse_layout(spec()) gives the same sizes.
  [[nodiscard]] std::string spec() const;

 private:
  // The lists of a kind whose members lie `stride` apart, `width` of them.
  void add_axis(std::string kind, std::uint32_t width, std::uint32_t stride);
  void add_lists(std::string kind, std::vector<RankList> lists);
  void add_cache_replicas();
  void find_aliases();

  LayoutSizes sizes_;
  std::vector<std::string> kinds_;
  std::map<std::string, std::vector<RankList>, std::less<>> groups_;
  std::map<std::string, std::string> aliases_;
  // kind -> for each rank, the position of its list in groups_.
  std::map<std::string, std::vector<std::uint32_t>, std::less<>> list_of_rank_;
};

struct ParsedLayout {
  LayoutSizes sizes;
  std::vector<std::string> errors;    // validity rules that are broken, in words; empty if valid
  std::vector<std::string> warnings;  // accepted by the engine, likely not meant
};

// Both grammars: tpTcpCdpDppP (any subset, any order; product form) and sglang:key=value,...
// (keys tp pp cp dp replicas ep moe_dp dcp dp_attention). kInvalidArgument for text that is in
// neither; broken validity rules come back in `errors`, so that they can be listed all at once.
Result<ParsedLayout> parse_layout(std::string_view text);

// parse_layout, and kConfiguration naming every broken rule where it is not valid.
Result<Layout> make_layout(std::string_view text);

}  // namespace radixbench

#pragma once

#include "layout/call_model.h"
#include "layout/layout.h"
#include "layout/sites.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// How the group that a site uses lies to the ranks that must agree there.
enum class GroupFit : std::uint8_t {
  kRight,
  kTooSmall,  // lacks some of them: parts keep values of their own, and nothing hangs at the call
  kTooLarge,  // exceeds them: mixes replicas where counts are equal, hangs where they are not
  kOther      // both
};

// What a site comes to with one of the groups that it could be given; the model's word, not a
// table's.
struct GroupUse {
  std::string_view group;  // one of use_choices()
  GroupFit fit = GroupFit::kRight;
  bool is_lone = false;  // one rank a group: a guard on its size leaves the call out
  std::vector<RankList> lists;
  CallOutcome equal_counts;
  // One replica calls and the others do not; only where there are others and the group exceeds.
  std::optional<CallOutcome> unequal_counts;
};

// Sites that ask the same of the same ranks, as often, on the same thread.
struct SiteFamily {
  std::vector<const SiteContract*> sites;       // at least one
  std::vector<RankList> agreeing;               // the lists of ranks that must agree
  std::vector<std::string_view> groups_to_use;  // one after the other; none: nobody to ask
  CallOutcome as_advised;                       // what groups_to_use come to
  std::vector<GroupUse> uses;                   // in the order of use_choices()
};

// tp, tp_cache_group, attention_tp, attn_cp, world, pp.
std::span<const std::string_view> use_choices();

// Every site of site_contracts() in one family, in the order of first mention.
std::vector<SiteFamily> site_families(const Layout& layout);

// What comes of a too small or too large group at this site, in a sentence without its end; empty
// for kRight.
std::string_view effect_of(Site site, GroupFit fit);

}  // namespace radixbench

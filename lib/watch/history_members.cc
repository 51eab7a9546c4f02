#include "watch/call_history.h"
#include "watch/finding.h"
#include "watch/flight_recorder_names.h"
#include "watch/rank_limit.h"
#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace radixbench {
namespace {

// Groups of one description that the sources gave no members.
using Kind = std::vector<std::uint32_t>;

class MemberInference {
 public:
  MemberInference(std::vector<HistoryGroup>& groups,
                  std::span<const RankHistory> ranks,
                  const Layout* layout,
                  Rank world_size,
                  std::vector<std::string>& notes)
      : groups_{groups}, ranks_{ranks}, layout_{layout}, world_size_{world_size}, notes_{notes} {
    for (std::uint32_t id = 0; id < groups_.size(); ++id) {
      const HistoryGroup& group = groups_[id];
      if (group.members.empty() && !group.users.empty() && !group.label.empty()) {
        kinds_[group.name].push_back(id);
      }
    }
  }

  Rank run() {
    if (kinds_.empty()) return world_size_;
    if (layout_ == nullptr) widen_world();
    std::vector<std::string> from_layout;
    std::vector<std::string> from_use;
    for (const auto& [name, kind] : kinds_) {
      const bool is_laid_out = layout_ != nullptr && lay_out(name, kind);
      (is_laid_out ? from_layout : from_use).push_back(name);
      if (!is_laid_out) infer(kind);
    }
    if (!from_layout.empty()) {
      notes_.push_back(fmt::format("members of {} are the layout's", fmt::join(from_layout, ", ")));
    }
    if (!from_use.empty()) {
      std::vector<std::string> texts;
      for (const std::string& name : from_use) {
        for (const std::uint32_t id : kinds_[name]) texts.push_back(describe(groups_[id]));
      }
      const std::size_t shown = std::min<std::size_t>(texts.size(), 12);
      notes_.push_back(
          fmt::format("members inferred from who used the groups: {}{}",
                      fmt::join(texts.begin(), texts.begin() + static_cast<long>(shown), " "),
                      shown < texts.size() ? " ..." : ""));
    }
    return world_size_;
  }

 private:
  // A kind of the layout whose lists each hold the users of one group, of the same name where there
  // is one, else the smallest.
  bool lay_out(const std::string& name, const Kind& kind) {
    std::string best;
    const std::string wanted = name == "attn_tp" ? "attention_tp" : name;
    for (const std::string& candidate : layout_->kinds()) {
      if (!fits(candidate, kind)) continue;
      if (candidate == wanted) {
        best = candidate;
        break;
      }
      const auto size = [&](const std::string& one) {
        return layout_->group_of(one, groups_[kind.front()].users.front()).size();
      };
      if (best.empty() || size(candidate) < size(best)) best = candidate;
    }
    if (best.empty()) return false;
    for (const std::uint32_t id : kind) {
      HistoryGroup& group = groups_[id];
      group.members = layout_->group_of(best, group.users.front());
      group.are_inferred = true;
    }
    return true;
  }

  [[nodiscard]] bool fits(const std::string& candidate, const Kind& kind) const {
    std::set<const RankList*> taken;
    for (const std::uint32_t id : kind) {
      const RankList* list = nullptr;
      for (const Rank user : groups_[id].users) {
        if (user >= layout_->world_size()) return false;
        const RankList& own = layout_->group_of(candidate, user);
        if (list != nullptr && list != &own) return false;
        list = &own;
      }
      if (!taken.insert(list).second) return false;
    }
    return true;
  }

  // The library numbers groups over the world in the order of their creation, and a mesh creates
  // all groups of an axis in a row. How many there are times how large they are is the world, also
  // where nobody is left to tell of some of them.
  void widen_world() {
    std::map<std::uint32_t, const std::string*> first_of;
    for (const auto& [name, kind] : kinds_) {
      std::uint32_t first = ~std::uint32_t{0};
      for (const std::uint32_t id : kind) {
        const auto number = parse_number<std::uint32_t>(groups_[id].label);
        if (!number) return;
        first = std::min(first, *number);
      }
      first_of[first] = &name;
    }
    std::set<std::uint64_t> sizes;
    for (auto at = first_of.begin(); at != first_of.end(); ++at) {
      const auto next = std::next(at);
      const Kind& kind = kinds_[*at->second];
      if (next == first_of.end()) continue;
      std::set<std::size_t> widths;
      for (const std::uint32_t id : kind) widths.insert(groups_[id].users.size());
      // A group of its own may be the only one of its axis that anybody used yet.
      if (widths.size() != 1 || kind.size() < 2) continue;
      sizes.insert(std::uint64_t{next->first - at->first} * *widths.begin());
    }
    if (sizes.size() != 1 || *sizes.begin() <= world_size_) return;
    if (*sizes.begin() > kRecordedRanksMax) {
      notes_.push_back(fmt::format(
          "the numbers of the groups point to {} ranks, more than {}, and are not believed",
          *sizes.begin(),
          kRecordedRanksMax));
      return;
    }
    const Rank known = world_size_;
    world_size_ = static_cast<Rank>(*sizes.begin());
    std::vector<Rank> others;
    for (Rank rank = known; rank < world_size_; ++rank) others.push_back(rank);
    notes_.push_back(
        fmt::format("the numbers of the groups point to {} ranks, of which {} left nothing",
                    world_size_,
                    describe_ranks(others)));
  }

  // Users, and ranks that joined a group in the same place of their own order and never used it.
  void infer(const Kind& kind) {
    for (const std::uint32_t id : kind) {
      HistoryGroup& group = groups_[id];
      group.members = group.users;
      group.are_inferred = true;
    }
    if (kind.size() != 1) return;
    HistoryGroup& group = groups_[kind.front()];
    std::optional<std::uint32_t> slot;
    for (const RankHistory& history : ranks_) {
      for (const auto& [number, own] : history.slots) {
        if (own == kind.front()) slot = number;
      }
    }
    if (!slot) return;
    for (const RankHistory& history : ranks_) {
      if (history.slots.contains(*slot) || history.slots.empty()) continue;
      // It joined later groups, so it joined one in this place.
      if (history.slots.rbegin()->first > *slot) add_ranks(group.members, std::array{history.rank});
    }
  }

  std::vector<HistoryGroup>& groups_;
  std::span<const RankHistory> ranks_;
  const Layout* layout_;
  Rank world_size_;
  std::vector<std::string>& notes_;
  std::map<std::string, Kind> kinds_;
};

}  // namespace

Rank infer_members(std::vector<HistoryGroup>& groups,
                   std::span<const RankHistory> ranks,
                   const Layout* layout,
                   Rank world_size,
                   std::vector<std::string>& notes) {
  return MemberInference{groups, ranks, layout, world_size, notes}.run();
}

}  // namespace radixbench

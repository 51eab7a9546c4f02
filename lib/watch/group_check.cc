#include "watch/group_check.h"

#include "base/check.h"
#include "watch/group_views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace radixbench {
namespace {

constexpr std::size_t kEvidenceMax = 8;
constexpr double kNsPerSecond = 1e9;

std::string advice_for(VerdictClass verdict) {
  switch (verdict) {
    case VerdictClass::kGroupCreateMembership:
      return "create every list of a kind on every rank, from one function of the layout";
    case VerdictClass::kGroupCreateOrder:
      return "create groups in one order on all ranks; creation is a call of the whole world";
    case VerdictClass::kGroupCreateCount:
      return "make the number of creations depend on nothing that differs between ranks";
    case VerdictClass::kGroupCreateName:
      return "give each group a name of its own, equal on all ranks";
    case VerdictClass::kGroupNotInitialised:
      return "create or attach the group on the absent ranks, too, before its first call";
    case VerdictClass::kTimeoutMisconfigured:
      return "pass a timeout below the watchdog's, so that the call that hangs is the one that "
             "says so";
    default: return "";
  }
}

class GroupCheck {
 public:
  GroupCheck(std::span<const GroupList> lists, const GroupCheckOptions& options)
      : layout_{*options.layout},
        watchdog_ns_{options.watchdog_ns},
        views_{views_of(lists, layout_)} {}

  std::vector<Verdict> run() && {
    check_world();
    check_told_sequences();
    check_names();
    check_members();
    check_ordinals();
    check_order();
    check_partitions();
    check_against_layout();
    check_timeouts();
    check_missing();
    return std::move(findings_);
  }

 private:
  // One finding a class and name; a second mention adds to it.
  Verdict& finding(VerdictClass verdict, const std::string& name, const RankList& culprits) {
    const auto [found, is_new] = positions_.try_emplace({verdict, name}, findings_.size());
    if (is_new) {
      Verdict fresh;
      fresh.verdict = verdict;
      fresh.advice = advice_for(verdict);
      findings_.push_back(std::move(fresh));
    }
    Verdict& kept = findings_[found->second];
    add(kept.culprit_ranks, culprits);
    return kept;
  }

  static void add(RankList& ranks, const RankList& more) {
    std::set<Rank> all{ranks.begin(), ranks.end()};
    all.insert(more.begin(), more.end());
    ranks.assign(all.begin(), all.end());
  }

  static void note(Verdict& verdict, std::string evidence) {
    if (verdict.evidence.size() < kEvidenceMax) verdict.evidence.push_back(std::move(evidence));
  }

  static std::string told_by(const GroupView& view) {
    return fmt::format("rank {} ({})", view.rank, view.list->source);
  }

  // Ranks that the layout has not are told of once and looked at no further.
  void check_world() {
    for (const auto& [rank, view] : views_) {
      const std::uint32_t size = view.list->world_size.value_or(layout_.world_size());
      if (size == layout_.world_size()) continue;
      note(finding(VerdictClass::kGroupCreateMembership, "", {rank}),
           fmt::format("{} is of a world of {} ranks; the layout has {}",
                       told_by(view),
                       size,
                       layout_.world_size()));
    }
    for (const auto& [rank, view] : views_) {
      if (rank < layout_.world_size()) continue;
      note(finding(VerdictClass::kGroupCreateMembership, "", {rank}),
           fmt::format(
               "{} tells of groups; the layout has {} ranks", told_by(view), layout_.world_size()));
    }
    views_.erase(views_.lower_bound(layout_.world_size()), views_.end());
  }

  // Ranks that tell of groups they are not in tell of every creation; those must be the same.
  void check_told_sequences() {
    const GroupView* model = nullptr;
    for (const auto& [rank, view] : views_) {
      if (!view.tells_all) continue;
      if (model == nullptr) model = &view;
      if (model->list != view.list) compare_sequences(*model, view);
    }
  }

  void compare_sequences(const GroupView& model, const GroupView& view) {
    const std::vector<const ToldGroup*>& left = model.all;
    const std::vector<const ToldGroup*>& right = view.all;
    if (left.size() != right.size()) {
      note(finding(VerdictClass::kGroupCreateCount, "", {model.rank, view.rank}),
           fmt::format("{} tells of {} creations, {} of {}",
                       told_by(model),
                       left.size(),
                       told_by(view),
                       right.size()));
      return;
    }
    for (std::size_t i = 0; i < left.size(); ++i) {
      const bool is_same_name = left[i]->name == right[i]->name;
      const bool is_same_members = left[i]->members == right[i]->members;
      if (is_same_name && is_same_members) continue;
      const VerdictClass verdict = is_same_name      ? VerdictClass::kGroupCreateMembership
                                   : is_same_members ? VerdictClass::kGroupCreateName
                                                     : VerdictClass::kGroupCreateOrder;
      note(finding(verdict, is_same_name ? left[i]->name : "", {model.rank, view.rank}),
           fmt::format("creation {} is {} on {} and {} on {}",
                       i,
                       group_text(*left[i]),
                       told_by(model),
                       group_text(*right[i]),
                       told_by(view)));
      return;
    }
  }

  // One name, one set of members on a rank; of a kind's lists check_partitions says it.
  void check_names() {
    for (const auto& [rank, view] : views_) {
      for (const auto& [name, groups] : view.own) {
        if (!kind_of_name(layout_, name).empty()) continue;
        for (const ToldGroup* group : groups) {
          if (sorted(group->members) == sorted(groups.front()->members)) continue;
          note(finding(VerdictClass::kGroupCreateName, name, {rank}),
               fmt::format("{} has {} and {}",
                           told_by(view),
                           group_text(*groups.front()),
                           group_text(*group)));
        }
      }
    }
  }

  static bool is_one_set(const std::vector<const ToldGroup*>& groups) {
    return std::ranges::all_of(groups, [&](const ToldGroup* group) {
      return sorted(group->members) == sorted(groups.front()->members);
    });
  }

  // Each member has the group that another says it shares with it. Where a name is of two sets its
  // groups cannot be told apart, and that is found elsewhere.
  void check_members() {
    std::set<GroupKey> checked;
    for (const auto& [rank, view] : views_) {
      for (const auto& [name, groups] : view.own) {
        if (!is_one_set(groups)) continue;
        for (std::size_t nth = 0; nth < groups.size(); ++nth) {
          if (!checked.insert({name, nth, groups[nth]->members}).second) continue;
          for (const Rank member : groups[nth]->members) {
            check_member(view, name, nth, member);
          }
        }
      }
    }
  }

  void check_member(const GroupView& view, const std::string& name, std::size_t nth, Rank member) {
    const ToldGroup& group = *view.own.at(name)[nth];
    if (member >= layout_.world_size()) {
      note(finding(VerdictClass::kGroupCreateMembership, name, {view.rank}),
           fmt::format("{} has {}; the world has {} ranks",
                       told_by(view),
                       group_text(group),
                       layout_.world_size()));
      return;
    }
    const auto peer = views_.find(member);
    if (peer == views_.end()) return;
    const auto theirs = peer->second.own.find(name);
    if (theirs == peer->second.own.end()) {
      Verdict& verdict = finding(VerdictClass::kGroupNotInitialised, name, {member});
      add(verdict.absent, {member});
      verdict.expected_group = group_text(group);
      note(verdict,
           fmt::format("{} has {}; {} has no group of that name",
                       told_by(view),
                       group_text(group),
                       told_by(peer->second)));
    } else if (!is_one_set(theirs->second)) {
      return;
    } else if (nth >= theirs->second.size()) {
      note(finding(VerdictClass::kGroupCreateCount, name, {view.rank, member}),
           fmt::format("{} has {} groups named {}, {} has {}",
                       told_by(view),
                       view.own.at(name).size(),
                       name,
                       told_by(peer->second),
                       theirs->second.size()));
    } else {
      compare_members(view, group, peer->second, *theirs->second[nth], name);
    }
  }

  void compare_members(const GroupView& view,
                       const ToldGroup& group,
                       const GroupView& peer,
                       const ToldGroup& theirs,
                       const std::string& name) {
    if (group.members == theirs.members) return;
    const bool is_same_set = sorted(group.members) == sorted(theirs.members);
    note(finding(VerdictClass::kGroupCreateMembership, name, {view.rank, peer.rank}),
         fmt::format("{} has {}, {} has {}{}",
                     told_by(view),
                     group_text(group),
                     told_by(peer),
                     group_text(theirs),
                     is_same_set ? ": the same ranks in another order" : ""));
  }

  // An ordinal is of one list, a list has one ordinal.
  void check_ordinals() {
    std::map<std::uint64_t, std::pair<const GroupView*, const ToldGroup*>> by_ordinal;
    std::map<GroupKey, std::pair<const GroupView*, std::uint64_t>> by_group;
    for (const auto& [rank, view] : views_) {
      for (const OwnGroup& own : view.in_order) {
        if (!own.group->ordinal) continue;
        const std::uint64_t ordinal = *own.group->ordinal;
        const auto [other, is_first] = by_ordinal.try_emplace(ordinal, &view, own.group);
        if (!is_first)
          compare_ordinal(*other->second.first, *other->second.second, view, *own.group);
        const auto [twin, is_new] =
            by_group.try_emplace({own.name, own.nth, own.group->members}, &view, ordinal);
        if (is_new || twin->second.second == ordinal) continue;
        note(finding(VerdictClass::kGroupCreateOrder, "", {twin->second.first->rank, rank}),
             fmt::format("{} is creation {} on {} and {} on {}",
                         group_text(*own.group),
                         twin->second.second,
                         told_by(*twin->second.first),
                         ordinal,
                         told_by(view)));
      }
    }
  }

  void compare_ordinal(const GroupView& left_view,
                       const ToldGroup& left,
                       const GroupView& right_view,
                       const ToldGroup& right) {
    const bool is_same_name = left.name == right.name;
    const bool is_same_members = left.members == right.members;
    if (is_same_name && is_same_members) return;
    // Under one name each rank has made its own list where all must make all.
    const VerdictClass verdict = is_same_name      ? VerdictClass::kGroupCreateMembership
                                 : is_same_members ? VerdictClass::kGroupCreateName
                                                   : VerdictClass::kGroupCreateOrder;
    const bool is_order = verdict == VerdictClass::kGroupCreateOrder;
    note(finding(verdict, is_order ? "" : left.name, {left_view.rank, right_view.rank}),
         fmt::format("creation {} is {} on {} and {} on {}",
                     *left.ordinal,
                     group_text(left),
                     told_by(left_view),
                     group_text(right),
                     told_by(right_view)));
  }

  // Ranks that create what they share in orders that cannot all be kept wait for each other.
  void check_order() {
    for (const OrderEdge& edge : creation_circle(views_)) {
      note(finding(VerdictClass::kGroupCreateOrder, "", {edge.rank}),
           fmt::format("{} creates {} before {}",
                       told_by(views_.at(edge.rank)),
                       group_text(*edge.first),
                       group_text(*edge.second)));
    }
  }

  // Lists of a kind share no rank and leave none out.
  void check_partitions() {
    std::map<std::string, std::map<Rank, std::set<RankList>>> lists_of;
    for (const auto& [rank, view] : views_) {
      for (const auto& [name, groups] : view.own) {
        if (kind_of_name(layout_, name).empty()) continue;
        for (const ToldGroup* group : groups) {
          const RankList members = sorted(group->members);
          for (const Rank member : members) lists_of[name][member].insert(members);
        }
      }
    }
    for (const auto& [name, by_rank] : lists_of) check_partition(name, by_rank);
  }

  void check_partition(const std::string& name, const std::map<Rank, std::set<RankList>>& by_rank) {
    for (const auto& [rank, lists] : by_rank) {
      if (lists.size() < 2) continue;
      note(finding(VerdictClass::kGroupCreateMembership, name, {rank}),
           fmt::format("rank {} is in {} and in {}; lists of one axis share no rank",
                       rank,
                       group_text({name, *lists.begin(), {}, {}}),
                       group_text({name, *std::next(lists.begin()), {}, {}})));
    }
    RankList left_out;
    for (const auto& [rank, view] : views_) {
      const bool is_alone = expected_members(name, rank).size() == 1;
      if (!is_alone && !by_rank.contains(rank)) left_out.push_back(rank);
    }
    if (left_out.empty()) return;
    Verdict& verdict = finding(VerdictClass::kGroupNotInitialised, name, left_out);
    add(verdict.absent, left_out);
    verdict.expected_group = group_text({name, expected_members(name, left_out[0]), {}, {}});
    note(verdict, fmt::format("no list of {} holds ranks {{{}}}", name, fmt::join(left_out, ",")));
  }

  [[nodiscard]] RankList expected_members(const std::string& name, Rank rank) const {
    const std::string kind = kind_of_name(layout_, name);
    if (kind == "tp_cache_group") return layout_.cache_groups(rank).tp_cache_group;
    return layout_.group_of(kind, rank);
  }

  void check_against_layout() {
    for (const auto& [rank, view] : views_) {
      for (const auto& [name, groups] : view.own) {
        if (kind_of_name(layout_, name).empty()) continue;
        const RankList expected = expected_members(name, rank);
        for (const ToldGroup* group : groups) {
          if (group->members == expected) continue;
          Verdict& verdict = finding(VerdictClass::kGroupCreateMembership, name, {rank});
          if (verdict.expected_group.empty()) {
            verdict.expected_group = group_text({name, expected, {}, {}});
            verdict.actual_group = group_text(*group);
          }
          note(verdict,
               fmt::format("{} has {}; by the layout it is {}",
                           told_by(view),
                           group_text(*group),
                           group_text({name, expected, {}, {}})));
        }
      }
    }
  }

  // Of groups with somebody to wait for; members tell the same, so one of them is evidence enough.
  void check_timeouts() {
    if (watchdog_ns_ == 0) return;
    std::set<std::string> noted;
    for (const auto& [rank, view] : views_) {
      for (const OwnGroup& own : view.in_order) {
        const std::int64_t timeout_ns = own.group->timeout_ns.value_or(0);
        if (timeout_ns <= watchdog_ns_ || own.group->members.size() < 2) continue;
        Verdict& verdict = finding(VerdictClass::kTimeoutMisconfigured, own.name, {rank});
        if (verdict.actual_group.empty()) verdict.actual_group = group_text(*own.group);
        std::string line = fmt::format("{} waits {:g} s, the watchdog {:g} s",
                                       group_text(*own.group),
                                       static_cast<double>(timeout_ns) / kNsPerSecond,
                                       static_cast<double>(watchdog_ns_) / kNsPerSecond);
        if (noted.insert(line).second) note(verdict, fmt::format("{}: {}", told_by(view), line));
      }
    }
  }

  void check_missing() {
    RankList missing;
    for (Rank rank = 0; rank < layout_.world_size(); ++rank) {
      if (!views_.contains(rank)) missing.push_back(rank);
    }
    if (!missing.empty()) {
      Verdict& verdict = finding(VerdictClass::kIncomplete, "", {});
      verdict.missing_dumps = missing;
      verdict.what_would_help = "the lists of the missing ranks";
    }
  }

  const Layout& layout_;
  std::int64_t watchdog_ns_;
  GroupViews views_;
  std::vector<Verdict> findings_;
  std::map<std::pair<VerdictClass, std::string>, std::size_t> positions_;
};

}  // namespace

Diagnosis check_groups(std::span<const GroupList> lists, const GroupCheckOptions& options) {
  RADIXBENCH_CHECK(options.layout != nullptr);
  RADIXBENCH_CHECK(!told_twice(lists));
  Diagnosis diagnosis;
  diagnosis.verdicts = GroupCheck{lists, options}.run();
  if (diagnosis.verdicts.empty()) diagnosis.verdicts.emplace_back();
  return diagnosis;
}

}  // namespace radixbench

#include "watch/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace radixbench {
namespace {

// The axes of a layout that a group of the cache can lie along, with the names of their kinds.
struct Axis {
  std::string_view kind;
  std::uint32_t Coordinates::*rank;
};
constexpr std::array<Axis, 4> kAxes = {{{"pp", &Coordinates::pp_rank},
                                        {"attn_dp", &Coordinates::attn_dp_rank},
                                        {"attn_cp", &Coordinates::attn_cp_rank},
                                        {"attention_tp", &Coordinates::attn_tp_rank}}};

// For each axis the coordinates that a set of ranks has on it.
using Span = std::array<std::set<std::uint32_t>, kAxes.size()>;

Span span_of(const Layout& layout, std::span<const Rank> ranks) {
  Span span;
  for (const Rank rank : ranks) {
    const Coordinates at = layout.coordinates(rank);
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) span[axis].insert(at.*kAxes[axis].rank);
  }
  return span;
}

// The ranks whose coordinates all lie in the span: what a question over its groups, one axis after
// the other, reaches.
std::vector<Rank> ranks_within(const Layout& layout, const Span& span) {
  std::vector<Rank> ranks;
  for (Rank rank = 0; rank < layout.world_size(); ++rank) {
    const Coordinates at = layout.coordinates(rank);
    bool is_within = true;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
      is_within = is_within && span[axis].contains(at.*kAxes[axis].rank);
    }
    if (is_within) ranks.push_back(rank);
  }
  return ranks;
}

// "attn_cp x attention_tp" -> its names, in order.
std::vector<std::string> split_axes(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t cross = text.find(" x ");
    names.emplace_back(text.substr(0, cross));
    text.remove_prefix(cross == std::string_view::npos ? text.size() : cross + 3);
  }
  return names;
}

struct Expectation {
  std::vector<std::string> axes;  // those on which there is more than this rank
  std::vector<Rank> ranks;
};

std::optional<Expectation> expectation(const Layout& layout, const Contract& asked, Rank rank) {
  Expectation expected;
  Span span = span_of(layout, std::array{rank});
  const std::vector<std::string> names = split_axes(asked.axes);
  for (const std::string& name : names) {
    if (std::ranges::find(layout.kinds(), name) == layout.kinds().end()) return std::nullopt;
    const RankList& members = layout.group_of(name, rank);
    if (members.size() > 1) expected.axes.push_back(name);
    const Span along = span_of(layout, members);
    for (std::size_t axis = 0; axis < span.size(); ++axis) {
      span[axis].insert(along[axis].begin(), along[axis].end());
    }
  }
  if (names.empty()) return std::nullopt;
  // Axes on which nobody else is say nothing; where all are so, the last one's name stays.
  if (expected.axes.empty()) expected.axes.push_back(names.back());
  expected.ranks = ranks_within(layout, span);
  return expected;
}

std::vector<Rank> sorted(std::vector<Rank> ranks) {
  std::ranges::sort(ranks);
  return ranks;
}

// An axis that shares another group's communicator goes by that group's name.
std::string spell(const Layout& layout, const Expectation& expected) {
  const auto alias = layout.aliases().find(expected.axes.front());
  if (expected.axes.size() == 1 && alias != layout.aliases().end()) {
    return alias->second + describe_ranks(expected.ranks);
  }
  return fmt::format("{}{}", fmt::join(expected.axes, " x "), describe_ranks(expected.ranks));
}

// What groups a question was meant for and what it reached, remembered: rings hold the same few
// questions thousands of times.
class GroupJudge {
 public:
  explicit GroupJudge(const Timeline& timeline)
      : timeline_{timeline}, layout_{*timeline.options().layout} {}

  // Null where the contract says nothing.
  const Expectation* expected(Timeline::SiteId site, Rank rank) {
    const auto [found, is_new] = expected_.try_emplace({site, rank});
    if (!is_new) return found->second ? &*found->second : nullptr;
    const Contract* asked = timeline_.contract(site);
    if (asked != nullptr && !asked->axes.empty() && rank < layout_.world_size()) {
      found->second = expectation(layout_, *asked, rank);
    }
    return found->second ? &*found->second : nullptr;
  }

  // kNone where the groups are right, as far as they were asked.
  VerdictClass judge(const Timeline::Instance& instance) {
    const Expectation* meant = expected(instance.site, instance.rank);
    if (meant == nullptr) return VerdictClass::kNone;
    std::vector<std::uint32_t> groups;
    groups.reserve(instance.hops.size());
    for (const Timeline::Entry& hop : instance.hops) groups.push_back(hop.group);
    const auto [found, is_new] = judged_.try_emplace({instance.site, instance.rank, groups});
    if (is_new) found->second = compare(*meant, instance.rank, groups);
    // A question that is not over, or was cut off, may yet have gone to the group that it lacks.
    const bool may_lack = !instance.is_over || !instance.is_whole ||
                          std::ranges::any_of(instance.hops, &Timeline::Entry::is_stuck);
    return found->second == VerdictClass::kWrongGroupTooSmall && may_lack ? VerdictClass::kNone
                                                                          : found->second;
  }

 private:
  VerdictClass compare(const Expectation& meant,
                       Rank rank,
                       const std::vector<std::uint32_t>& groups) const {
    Span span = span_of(layout_, std::array{rank});
    for (const std::uint32_t group : groups) {
      const std::vector<Rank>& members = timeline_.groups()[group].spec.members;
      for (const Rank member : members) {
        if (member >= layout_.world_size()) return VerdictClass::kNone;
      }
      const Span along = span_of(layout_, members);
      for (std::size_t axis = 0; axis < span.size(); ++axis) {
        span[axis].insert(along[axis].begin(), along[axis].end());
      }
    }
    const std::vector<Rank> reached = ranks_within(layout_, span);
    const bool lacks = !std::ranges::includes(reached, meant.ranks);
    const bool exceeds = !std::ranges::includes(meant.ranks, reached);
    if (lacks && exceeds) return VerdictClass::kWrongGroupOther;
    if (lacks) return VerdictClass::kWrongGroupTooSmall;
    return exceeds ? VerdictClass::kWrongGroupTooLarge : VerdictClass::kNone;
  }

  const Timeline& timeline_;
  const Layout& layout_;
  std::map<std::pair<Timeline::SiteId, Rank>, std::optional<Expectation>> expected_;
  std::map<std::tuple<Timeline::SiteId, Rank, std::vector<std::uint32_t>>, VerdictClass> judged_;
};

struct Misuse {
  VerdictClass verdict = VerdictClass::kNone;
  Expectation expected;
  Timeline::Instance instance;
};

bool is_stuck(const Timeline::Instance& instance) {
  return std::ranges::any_of(instance.hops, &Timeline::Entry::is_stuck);
}

// Misuses that are one mistake: the same class, made by ranks that were meant to agree or that met
// in the group that they used.
struct Mistake {
  VerdictClass verdict = VerdictClass::kNone;
  std::vector<Misuse> misuses;  // of each rank and site the first, and one that hangs
  std::vector<Rank> reached;    // everyone that the misuses meant or met
};

void add_to(std::vector<Mistake>& mistakes,
            const Timeline& timeline,
            VerdictClass verdict,
            const Expectation& expected,
            const Timeline::Instance& instance) {
  const auto own = std::ranges::find(mistakes, verdict, &Mistake::verdict);
  Mistake& mistake = own == mistakes.end() ? mistakes.emplace_back() : *own;
  mistake.verdict = verdict;
  const bool is_known = std::ranges::any_of(mistake.misuses, [&](const Misuse& misuse) {
    return misuse.instance.rank == instance.rank && misuse.instance.site == instance.site;
  });
  if (is_known && !is_stuck(instance)) return;
  add_ranks(mistake.reached, expected.ranks);
  for (const Timeline::Entry& hop : instance.hops) {
    add_ranks(mistake.reached, timeline.groups()[hop.group].spec.members);
  }
  mistake.misuses.push_back({.verdict = verdict, .expected = expected, .instance = instance});
}

std::uint64_t first_step(const Mistake& mistake) {
  std::uint64_t step = ~std::uint64_t{0};
  for (const Misuse& misuse : mistake.misuses) {
    step = std::min(step, misuse.instance.hops.front().event->step);
  }
  return step;
}

// Where somebody hangs that site says most; else the one that shows first.
const Misuse& most_telling(const Mistake& mistake) {
  const Misuse* best = &mistake.misuses.front();
  for (const Misuse& misuse : mistake.misuses) {
    const auto weight = [](const Misuse& each) {
      return std::tuple{!is_stuck(each.instance),
                        each.instance.hops.front().event->step,
                        each.instance.hops.front().position,
                        each.instance.rank};
    };
    if (weight(misuse) < weight(*best)) best = &misuse;
  }
  return *best;
}

std::string spell_groups(const Timeline& timeline, const std::set<std::uint32_t>& groups) {
  if (groups.size() == 1) return describe(timeline.groups()[*groups.begin()].spec);
  std::vector<std::vector<Rank>> lists;
  lists.reserve(groups.size());
  for (const std::uint32_t group : groups) {
    lists.push_back(sorted(timeline.groups()[group].spec.members));
  }
  std::ranges::sort(lists);
  lists.erase(std::unique(lists.begin(), lists.end()), lists.end());
  std::string text;
  for (const std::vector<Rank>& list : lists) {
    text += (text.empty() ? "" : "|") + describe_ranks(list);
  }
  return text;
}

// Members of the group that did not come to the call of `stuck`.
std::vector<Rank> absent_from(const Timeline& timeline, const Timeline::Entry& stuck) {
  const Timeline::Group& group = timeline.groups()[stuck.group];
  std::vector<Rank> absent;
  for (std::size_t index = 0; index < group.lanes.size(); ++index) {
    const std::vector<Timeline::Entry>& lane = group.lanes[index];
    const auto at = std::ranges::find_if(lane, [&](const Timeline::Entry& entry) {
      return entry.call->sequence == stuck.call->sequence && entry.site == stuck.site;
    });
    if (at == lane.end()) absent.push_back(group.spec.members[index]);
  }
  return sorted(absent);
}

// {0,1} got 8, {2,3} got 5: what the parts were told where they should have been told the same.
std::string results_evidence(const Timeline& timeline, const Mistake& mistake, const Misuse& told) {
  std::map<std::int64_t, std::vector<Rank>> by_result;
  for (const Misuse& misuse : mistake.misuses) {
    const Timeline::Entry& last = misuse.instance.hops.back();
    if (misuse.instance.site != told.instance.site || last.call->result_count == 0) continue;
    if (last.event->key != told.instance.hops.back().event->key || last.is_stuck()) continue;
    add_ranks(by_result[last.call->results[0]], std::array{misuse.instance.rank});
  }
  if (by_result.size() < 2) return {};
  std::vector<std::string> parts;
  parts.reserve(by_result.size());
  for (const auto& [result, ranks] : by_result) {
    parts.push_back(fmt::format("{} got {}", describe_ranks(ranks), result));
  }
  const std::string key =
      timeline.key_text(told.instance.site, told.instance.hops.back().event->key);
  return fmt::format("{}{}{}: {}",
                     timeline.site_name(told.instance.site),
                     key.empty() ? "" : " ",
                     key,
                     fmt::join(parts, ", "));
}

std::string advice_for(VerdictClass verdict, const Expectation& expected) {
  const std::string groups = fmt::format("{}", fmt::join(expected.axes, ", then over "));
  switch (verdict) {
    case VerdictClass::kWrongGroupTooSmall:
      return fmt::format(
          "reduce over {}: ranks of one copy of the tree are left out, keep minima "
          "of their own and go different ways without a sign",
          groups);
    case VerdictClass::kWrongGroupTooLarge:
      return fmt::format(
          "reduce over {} only: ranks of other replicas do not make this call as "
          "often, and where they do their values are mixed in",
          groups);
    default: return fmt::format("reduce over {}", groups);
  }
}

Finding as_finding(const Timeline& timeline, const Mistake& mistake) {
  const Misuse& told = most_telling(mistake);
  Finding finding;
  finding.step = first_step(mistake);
  finding.ranks = mistake.reached;
  finding.site = told.instance.site;
  Verdict& verdict = finding.verdict;
  verdict.verdict = mistake.verdict;
  std::set<std::uint32_t> used;
  std::set<std::string> other_sites;
  for (const Misuse& misuse : mistake.misuses) {
    for (const Timeline::Entry& hop : misuse.instance.hops) finding.groups.insert(hop.group);
    if (misuse.instance.site != told.instance.site) {
      other_sites.insert(timeline.site_name(misuse.instance.site));
      continue;
    }
    add_ranks(verdict.culprit_ranks, std::array{misuse.instance.rank});
    const bool is_same_place = overlap(misuse.expected.ranks, told.expected.ranks) ||
                               mistake.verdict == VerdictClass::kWrongGroupTooLarge;
    for (const Timeline::Entry& hop : misuse.instance.hops) {
      if (is_same_place) used.insert(hop.group);
    }
  }
  verdict.sites = {timeline.site_name(told.instance.site)};
  const Timeline::Entry& call = told.instance.hops.back();
  verdict.key = timeline.key_text(told.instance.site, call.event->key);
  verdict.expected_group = spell(*timeline.options().layout, told.expected);
  verdict.actual_group = spell_groups(timeline, used);
  if (is_stuck(told.instance)) {
    verdict.hang = true;
    const auto stuck = std::ranges::find_if(told.instance.hops, &Timeline::Entry::is_stuck);
    verdict.absent = absent_from(timeline, *stuck);
  }
  if (const std::string results = results_evidence(timeline, mistake, told); !results.empty()) {
    verdict.evidence.push_back(results);
  }
  verdict.evidence.push_back(fmt::format("rank {} step {}: {} on {}, #{} of that group",
                                         told.instance.rank,
                                         call.event->step,
                                         describe(call.call->kind, call.call->op),
                                         describe(timeline.groups()[call.group].spec),
                                         call.call->sequence));
  if (!other_sites.empty()) {
    verdict.evidence.push_back(fmt::format("the same at {}", fmt::join(other_sites, ", ")));
  }
  verdict.advice = advice_for(mistake.verdict, told.expected);
  return finding;
}

// Kinds of the groups that a question went over, in order; nothing where one is none of the axes.
std::vector<std::string> hop_axes(const Timeline& timeline,
                                  const Expectation& expected,
                                  const Timeline::Instance& instance) {
  std::vector<std::string> axes;
  for (const Timeline::Entry& hop : instance.hops) {
    const std::vector<Rank> members = sorted(timeline.groups()[hop.group].spec.members);
    for (const std::string& axis : expected.axes) {
      if (sorted(timeline.options().layout->group_of(axis, instance.rank)) == members) {
        axes.push_back(axis);
      }
    }
  }
  return axes;
}

// In which order the ranks of a site ask its axes.
struct AxisOrder {
  std::vector<Rank> deviating;
  std::vector<Rank> keeping;
  std::string expected;
  std::string actual;
  const Timeline::Instance* first = nullptr;
  bool hang = false;
  std::set<std::uint32_t> groups;
};

std::map<Timeline::SiteId, AxisOrder> axis_orders(
    const Timeline& timeline, GroupJudge& judge, const std::vector<Timeline::Instance>& instances) {
  std::map<Timeline::SiteId, AxisOrder> orders;
  for (const Timeline::Instance& instance : instances) {
    const Expectation* expected = judge.expected(instance.site, instance.rank);
    if (expected == nullptr || expected->axes.size() < 2 || !instance.is_whole) continue;
    const std::vector<std::string> axes = hop_axes(timeline, *expected, instance);
    if (axes.empty()) continue;
    AxisOrder& order = orders[instance.site];
    if (axes.front() == expected->axes.front()) {
      add_ranks(order.keeping, std::array{instance.rank});
      continue;
    }
    if (axes.size() < 2 && instance.is_over) continue;  // too small, and said so elsewhere
    add_ranks(order.deviating, std::array{instance.rank});
    order.hang = order.hang || is_stuck(instance);
    for (const Timeline::Entry& hop : instance.hops) order.groups.insert(hop.group);
    if (order.first != nullptr &&
        order.first->hops.front().event->step <= instance.hops.front().event->step) {
      continue;
    }
    order.first = &instance;
    order.expected = fmt::format("{}", fmt::join(expected->axes, " then "));
    std::vector<std::string> turned{expected->axes.rbegin(), expected->axes.rend()};
    order.actual = fmt::format("{}", fmt::join(axes.size() < 2 ? turned : axes, " then "));
  }
  return orders;
}

Finding as_finding(const Timeline& timeline, Timeline::SiteId site, const AxisOrder& order) {
  const std::uint64_t step = order.first->hops.front().event->step;
  Finding finding;
  finding.step = step;
  finding.ranks = timeline.replica(order.first->rank);
  finding.groups = order.groups;
  finding.site = site;
  finding.verdict.verdict = VerdictClass::kOrderInversion;
  finding.verdict.hang = order.hang;
  finding.verdict.culprit_ranks = order.deviating;
  finding.verdict.sites = {timeline.site_name(site)};
  finding.verdict.key = timeline.key_text(site, order.first->hops.front().event->key);
  finding.verdict.expected_group = order.expected;
  finding.verdict.actual_group =
      fmt::format("R{}: {}", fmt::join(order.deviating, ","), order.actual);
  finding.verdict.evidence.push_back(
      fmt::format("rank {} step {} asked {} first; its peers {}",
                  order.first->rank,
                  step,
                  describe(timeline.groups()[order.first->hops.front().group].spec),
                  order.expected));
  finding.verdict.advice = fmt::format("ask {} on every rank", order.expected);
  return finding;
}

// Ranks that ask the axes of their contract in another order, where others keep it.
std::vector<Finding> find_axis_orders(const Timeline& timeline,
                                      GroupJudge& judge,
                                      const std::vector<Timeline::Instance>& instances) {
  std::vector<Finding> findings;
  for (const auto& entry : axis_orders(timeline, judge, instances)) {
    const Timeline::SiteId site = entry.first;
    const AxisOrder& order = entry.second;
    if (order.first == nullptr) continue;
    const std::uint64_t step = order.first->hops.front().event->step;
    // All in the same other order is as good.
    const bool is_common = std::ranges::all_of(order.keeping, [&](Rank rank) {
      return std::ranges::none_of(instances, [&](const Timeline::Instance& instance) {
        return instance.rank == rank && instance.site == site &&
               instance.hops.front().event->step >= step;
      });
    });
    if (!is_common) findings.push_back(as_finding(timeline, site, order));
  }
  return findings;
}

}  // namespace

std::string meant_group(const Timeline& timeline, Timeline::SiteId site, Rank rank) {
  const Layout* layout = timeline.options().layout;
  const Contract* asked = timeline.contract(site);
  if (layout == nullptr || asked == nullptr || rank >= layout->world_size()) return {};
  const std::optional<Expectation> expected = expectation(*layout, *asked, rank);
  return expected ? spell(*layout, *expected) : std::string{};
}

std::vector<Finding> find_wrong_groups(const Timeline& timeline) {
  if (timeline.options().layout == nullptr) return {};
  std::vector<Timeline::Instance> instances;
  for (const Recording* recording : timeline.recordings()) {
    std::vector<Timeline::Instance> own = timeline.instances(recording->rank);
    std::ranges::move(own, std::back_inserter(instances));
  }
  GroupJudge judge{timeline};
  std::vector<Mistake> mistakes;
  for (const Timeline::Instance& instance : instances) {
    const VerdictClass verdict = judge.judge(instance);
    if (verdict == VerdictClass::kNone) continue;
    add_to(mistakes, timeline, verdict, *judge.expected(instance.site, instance.rank), instance);
  }
  std::vector<Finding> findings = find_axis_orders(timeline, judge, instances);
  for (const Mistake& mistake : mistakes) findings.push_back(as_finding(timeline, mistake));
  return findings;
}

}  // namespace radixbench

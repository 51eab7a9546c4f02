#include "watch/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

namespace radixbench {
namespace {

struct Creation {
  Rank rank = 0;
  const RecordedGroup* group = nullptr;
  const RecordedEvent* event = nullptr;
  const RecordedCreation* what = nullptr;
  std::string site;
};

std::vector<Creation> creations_of(const Recording& recording) {
  std::vector<Creation> creations;
  for (const RecordedEvent& event : recording.events) {
    const auto* what = std::get_if<RecordedCreation>(&event.what);
    if (what == nullptr) continue;
    creations.push_back({.rank = recording.rank,
                         .group = &recording.groups[what->group],
                         .event = &event,
                         .what = what,
                         .site = recording.sites[event.site]});
  }
  return creations;
}

bool is_member(const Creation& creation) {
  return std::ranges::find(creation.group->members, creation.rank) != creation.group->members.end();
}

// The nth creation of each rank that has one.
using Row = std::vector<const Creation*>;

bool is_same_members(const Row& row) {
  return std::ranges::all_of(row, [&](const Creation* creation) {
    return creation->group->members == row.front()->group->members;
  });
}

bool is_same_name(const Row& row) {
  return std::ranges::all_of(row, [&](const Creation* creation) {
    return creation->group->name == row.front()->group->name;
  });
}

// 0,1:[0,1] 2,3:[2,3]
std::string members_text(const Row& row) {
  std::map<std::vector<Rank>, std::vector<Rank>> sides;
  for (const Creation* creation : row) {
    add_ranks(sides[creation->group->members], std::array{creation->rank});
  }
  std::vector<std::string> parts;
  parts.reserve(sides.size());
  for (const auto& [members, ranks] : sides) {
    parts.push_back(fmt::format("{}:[{}]", fmt::join(ranks, ","), fmt::join(members, ",")));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

std::string names_text(const Row& row) {
  std::map<std::string, std::vector<Rank>> sides;
  for (const Creation* creation : row) {
    add_ranks(sides[creation->group->name], std::array{creation->rank});
  }
  std::vector<std::string> parts;
  parts.reserve(sides.size());
  for (const auto& [name, ranks] : sides) {
    parts.push_back(fmt::format("{}:{}", fmt::join(ranks, ","), name));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

Finding begin_finding(const Row& row) {
  Finding finding;
  finding.step = row.front()->event->step;
  for (const Creation* creation : row) {
    add_ranks(finding.ranks, std::array{creation->rank});
    add_ranks(finding.ranks, creation->group->members);
    finding.verdict.hang = finding.verdict.hang || creation->event->state != EventState::kLeft;
  }
  finding.verdict.culprit_ranks = finding.ranks;
  const auto named =
      std::ranges::find_if(row, [](const Creation* creation) { return creation->site != "none"; });
  if (named != row.end()) finding.verdict.sites = {(*named)->site};
  return finding;
}

// Whether what the ranks create at this place they all create, only not in this order.
bool is_order(const std::vector<std::vector<Creation>>& lists) {
  using Spec = std::pair<std::string, std::vector<Rank>>;
  std::vector<std::vector<Spec>> sorted;
  for (const std::vector<Creation>& list : lists) {
    std::vector<Spec>& specs = sorted.emplace_back();
    for (const Creation& creation : list) {
      specs.emplace_back(creation.group->name, creation.group->members);
    }
    std::ranges::sort(specs);
  }
  return std::ranges::all_of(
      sorted, [&](const std::vector<Spec>& specs) { return specs == sorted.front(); });
}

std::optional<Finding> differing_row(const std::vector<std::vector<Creation>>& lists,
                                     std::size_t place) {
  Row row;
  for (const std::vector<Creation>& list : lists) {
    if (place < list.size()) row.push_back(&list[place]);
  }
  if (row.size() < 2) return std::nullopt;
  const std::string expected = fmt::format(" on all ranks at ordinal {}", place + 1);
  if (!is_same_members(row)) {
    Finding finding = begin_finding(row);
    const bool is_turned = is_order(lists);
    finding.verdict.verdict =
        is_turned ? VerdictClass::kGroupCreateOrder : VerdictClass::kGroupCreateMembership;
    finding.verdict.expected_group = "same member list" + expected;
    finding.verdict.actual_group = members_text(row);
    finding.verdict.advice = is_turned
                                 ? "create groups in one order on every rank"
                                 : "every rank creates every list, in one order, members or not";
    return finding;
  }
  if (!is_same_name(row)) {
    Finding finding = begin_finding(row);
    finding.verdict.verdict = VerdictClass::kGroupCreateName;
    finding.verdict.expected_group = "same name" + expected;
    finding.verdict.actual_group = names_text(row);
    finding.verdict.advice = "call the group alike on every rank";
    return finding;
  }
  return std::nullopt;
}

// Who waits in a creation of its own has not left the later ones out.
bool is_held_up(const std::vector<Creation>& creations) {
  return std::ranges::any_of(creations, [](const Creation& creation) {
    return creation.event->state != EventState::kLeft;
  });
}

// Ranks that made fewer creations than others. Where a member's absence holds somebody up, it never
// initialised the group; else only the counts differ.
std::optional<Finding> unequal_counts(const std::vector<std::vector<Creation>>& lists,
                                      const Timeline& timeline) {
  std::size_t most = 0;
  for (const std::vector<Creation>& list : lists) most = std::max(most, list.size());
  for (std::size_t place = 0; place < most; ++place) {
    Row row;
    std::vector<Rank> lacking;
    for (std::size_t i = 0; i < lists.size(); ++i) {
      if (place < lists[i].size()) {
        row.push_back(&lists[i][place]);
      } else if (!is_held_up(lists[i])) {
        lacking.push_back(timeline.recordings()[i]->rank);
      }
    }
    if (row.empty() || lacking.empty()) continue;
    const RecordedGroup& group = *row.front()->group;
    std::vector<Rank> waited_for;
    for (const Rank rank : lacking) {
      if (std::ranges::find(group.members, rank) != group.members.end()) waited_for.push_back(rank);
    }
    Finding finding = begin_finding(row);
    std::vector<Rank> entered;
    for (const Creation* creation : row) {
      if (is_member(*creation)) add_ranks(entered, std::array{creation->rank});
    }
    finding.verdict.expected_group = describe(group);
    finding.verdict.actual_group = describe_ranks(entered) + " entered";
    if (finding.verdict.hang && !waited_for.empty()) {
      finding.verdict.verdict = VerdictClass::kGroupNotInitialised;
      finding.verdict.culprit_ranks = waited_for;
      finding.verdict.absent = waited_for;
      finding.verdict.advice = "let every member create the group, or none";
      return finding;
    }
    finding.verdict.verdict = VerdictClass::kGroupCreateCount;
    add_ranks(finding.verdict.culprit_ranks, lacking);
    add_ranks(finding.ranks, lacking);
    finding.verdict.evidence.push_back(
        fmt::format("creation {} is missing on {}", place + 1, describe_ranks(lacking)));
    finding.verdict.advice = "create every group on every rank";
    return finding;
  }
  return std::nullopt;
}

std::string seconds(std::int64_t ns) { return fmt::format("{:g}s", static_cast<double>(ns) / 1e9); }

}  // namespace

std::vector<Finding> find_group_creations(const Timeline& timeline) {
  std::vector<std::vector<Creation>> lists;
  std::size_t most = 0;
  for (const Recording* recording : timeline.recordings()) {
    // What a ring has overwritten can't be counted.
    if (recording->lost_count > 0) return {};
    lists.push_back(creations_of(*recording));
    most = std::max(most, lists.back().size());
  }
  for (std::size_t place = 0; place < most; ++place) {
    if (std::optional<Finding> found = differing_row(lists, place)) return {std::move(*found)};
  }
  if (timeline.options().is_live) return {};
  // Who was killed came to no further creation, and those who wait for it to none either.
  const bool has_death = std::ranges::any_of(
      timeline.recordings(), [](const Recording* own) { return own->fate == RankFate::kKilled; });
  if (has_death) return {};
  std::vector<Finding> findings;
  if (std::optional<Finding> found = unequal_counts(lists, timeline)) {
    findings.push_back(std::move(*found));
  }
  return findings;
}

std::vector<Finding> find_timeouts(const Timeline& timeline) {
  const std::int64_t watchdog_ns = timeline.options().watchdog_ns;
  if (watchdog_ns == 0) return {};
  std::map<std::pair<std::string, std::int64_t>, Finding> by_group;
  for (const Recording* recording : timeline.recordings()) {
    for (const Creation& creation : creations_of(*recording)) {
      const std::int64_t timeout_ns = creation.what->timeout_ns;
      if (timeout_ns <= watchdog_ns || !is_member(creation)) continue;
      Finding& finding = by_group[{creation.group->name, timeout_ns}];
      finding.step = creation.event->step;
      add_ranks(finding.verdict.culprit_ranks, std::array{creation.rank});
      finding.verdict.verdict = VerdictClass::kTimeoutMisconfigured;
      finding.verdict.sites = {creation.site};
      finding.verdict.expected_group = creation.group->name + " timeout <= watchdog";
      finding.verdict.actual_group = fmt::format("{} timeout={} watchdog={}",
                                                 creation.group->name,
                                                 seconds(timeout_ns),
                                                 seconds(watchdog_ns));
      finding.verdict.advice =
          "pass the group a timeout below the watchdog's: whoever hangs in it "
          "is killed before the group can say so";
    }
  }
  std::vector<Finding> findings;
  findings.reserve(by_group.size());
  for (auto& [group, finding] : by_group) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace radixbench

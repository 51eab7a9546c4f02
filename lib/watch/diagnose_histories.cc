#include "watch/diagnose_histories.h"

#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace radixbench {
namespace {

using Findings = std::vector<HistoryFinding>;

void append(Findings& to, Findings from) { std::ranges::move(from, std::back_inserter(to)); }

std::set<std::uint32_t> components_of(const Findings& findings) {
  std::set<std::uint32_t> components;
  for (const HistoryFinding& finding : findings) components.insert(finding.component);
  return components;
}

// Groups of one name whose member lists overlap without being equal were created differently.
Findings find_memberships(const HistoryView& view) {
  Findings findings;
  std::map<std::pair<std::string, std::string>, std::vector<const HistoryGroup*>> by_name;
  for (const HistoryGroup& group : view.histories.groups()) {
    if (!group.are_inferred && !group.label.empty()) {
      by_name[{group.label, group.name}].push_back(&group);
    }
  }
  for (const auto& [name, groups] : by_name) {
    if (groups.size() < 2) continue;
    std::vector<Rank> users;
    std::vector<std::string> texts;
    bool overlaps = false;
    for (const HistoryGroup* group : groups) {
      overlaps = overlaps || overlap(users, group->members);
      add_ranks(users, group->members);
      texts.push_back(
          fmt::format("{}: {}", describe_ranks(group->users), describe_ranks(group->members)));
    }
    if (!overlaps) continue;
    HistoryFinding& finding = findings.emplace_back();
    finding.component = view.cut.component(users.front());
    Verdict& verdict = finding.verdict;
    verdict.verdict = VerdictClass::kGroupCreateMembership;
    verdict.hang = has_stuck(view, finding.component);
    verdict.culprit_ranks.clear();
    for (const HistoryGroup* group : groups) add_ranks(verdict.culprit_ranks, group->users);
    verdict.sites = {groups.front()->name};
    verdict.expected_group = "the same members on all ranks";
    verdict.actual_group = fmt::format("{}", fmt::join(texts, " "));
    verdict.evidence.push_back(
        fmt::format("group {} has other members on other ranks", name.first));
    verdict.advice = "let every rank create the group from one list, in one order";
  }
  return findings;
}

std::vector<WaitsFor> waits_of(const HistoryView& view) {
  std::vector<WaitsFor> waits;
  for (const RankHistory& history : view.histories.ranks()) {
    for (const StuckCall& stuck : view.cut.stuck(history.rank)) {
      WaitsFor& wait = waits.emplace_back();
      wait.rank = history.rank;
      // Which of its threads says nothing where there is one.
      if (history.threads.size() > 1 && stuck.call->thread < history.threads.size()) {
        wait.thread = history.threads[stuck.call->thread];
      }
      wait.site = view.labels.name(stuck.call->token);
      wait.group = describe(view.histories.groups()[stuck.call->group]);
      wait.sequence = stuck.call->sequence;
      wait.on = view.cut.absent(stuck);
    }
  }
  return waits;
}

void add_missing(const HistoryView& view, Findings& findings) {
  const std::vector<Rank> missing = view.histories.missing();
  for (HistoryFinding& finding : findings) finding.verdict.missing_dumps = missing;
  // What cannot be told is worth a word only where nothing else can.
  const auto is_incomplete = [](const HistoryFinding& finding) {
    return finding.verdict.verdict == VerdictClass::kIncomplete;
  };
  Findings incomplete;
  std::ranges::copy_if(findings, std::back_inserter(incomplete), is_incomplete);
  std::erase_if(findings, is_incomplete);
  if (!findings.empty() || missing.empty()) return;
  HistoryFinding& only = findings.emplace_back();
  if (!incomplete.empty()) only = std::move(incomplete.front());
  only.verdict.verdict = VerdictClass::kIncomplete;
  only.verdict.culprit_ranks.clear();
  only.verdict.missing_dumps = missing;
  if (only.verdict.what_would_help.empty()) {
    only.verdict.what_would_help = fmt::format("the dumps of ranks {}", describe_ranks(missing));
  }
}

// The dump that would settle it, where a finding touches a group whose member left none.
void name_missing_witness(const HistoryView& view, Verdict& verdict) {
  if (verdict.missing_dumps.empty() || !verdict.what_would_help.empty()) return;
  std::set<Rank> near;
  for (const HistoryGroup& group : view.histories.groups()) {
    if (overlap(verdict.culprit_ranks, group.members)) {
      near.insert(group.members.begin(), group.members.end());
    }
  }
  std::vector<Rank> witnesses;
  std::ranges::copy_if(verdict.missing_dumps, std::back_inserter(witnesses), [&](Rank rank) {
    return near.contains(rank);
  });
  if (!witnesses.empty()) {
    verdict.what_would_help =
        fmt::format("the dumps of ranks {}, who share groups with them", describe_ranks(witnesses));
  }
}

// Causes that bite come before what is only late.
void sort_causes(Findings& findings) {
  std::ranges::stable_sort(findings, [](const HistoryFinding& left, const HistoryFinding& right) {
    const auto weight = [](const Verdict& verdict) {
      return std::tuple{is_benign(verdict.verdict), !verdict.hang, verdict.is_ambiguous};
    };
    return weight(left.verdict) < weight(right.verdict);
  });
}

std::string mesh_text(const CallHistories& histories) {
  std::map<std::string, std::map<std::size_t, std::size_t>> sizes;
  for (const HistoryGroup& group : histories.groups()) {
    if (!group.label.empty() && group.members.size() > 1) {
      ++sizes[histories.role_name(group.role)][group.members.size()];
    }
  }
  std::vector<std::string> parts;
  for (const auto& [name, counts] : sizes) {
    if (counts.size() != 1) continue;
    parts.push_back(
        fmt::format("{} {} of {}", name, counts.begin()->second, counts.begin()->first));
  }
  const std::size_t shown = std::min<std::size_t>(parts.size(), 16);
  return fmt::format("{}{}",
                     fmt::join(parts.begin(), parts.begin() + static_cast<long>(shown), ", "),
                     shown < parts.size() ? ", ..." : "");
}

}  // namespace

Diagnosis diagnose_histories(const CallHistories& histories, const std::set<Rank>& damaged) {
  const HistoryCut cut{histories};
  const SiteLabels labels{histories};
  CallHabit habit{histories};
  const HistoryView view{histories, cut, habit, labels, damaged};
  Findings findings = find_memberships(view);
  append(findings, find_history_misalignments(view));
  const std::set<std::uint32_t> misaligned = components_of(findings);
  Findings departures = find_history_departures(view);
  std::erase_if(departures, [&](const HistoryFinding& finding) {
    return misaligned.contains(finding.component);
  });
  append(findings, std::move(departures));
  append(findings, find_history_roots(view, components_of(findings)));
  append(findings, find_history_stops(view, components_of(findings)));
  Findings orders = find_history_orders(view);
  std::erase_if(orders, [&](const HistoryFinding& order) {
    return std::ranges::any_of(findings, [&](const HistoryFinding& known) {
      return known.verdict.verdict == order.verdict.verdict &&
             overlap(known.verdict.culprit_ranks, order.verdict.culprit_ranks);
    });
  });
  sort_causes(findings);
  add_missing(view, findings);
  Diagnosis diagnosis;
  for (HistoryFinding& finding : findings) {
    name_missing_witness(view, finding.verdict);
    diagnosis.verdicts.push_back(std::move(finding.verdict));
  }
  if (diagnosis.verdicts.empty()) diagnosis.verdicts.emplace_back();
  for (HistoryFinding& order : orders) diagnosis.warnings.push_back(std::move(order.verdict));
  diagnosis.waits_for = waits_of(view);
  diagnosis.not_visible = {histories.not_visible().begin(), histories.not_visible().end()};
  diagnosis.notes = histories.notes();
  if (const std::string mesh = mesh_text(histories); !mesh.empty()) {
    diagnosis.notes.push_back("mesh as the groups show it: " + mesh);
  }
  return diagnosis;
}

}  // namespace radixbench

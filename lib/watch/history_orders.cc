#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace radixbench {
namespace {

// A rank's call in the same place of the same kind of group as `like`, of the same token.
std::optional<std::uint32_t> counterpart(const HistoryView& view,
                                         const RankHistory& other,
                                         const HistoryCall& like) {
  const std::uint32_t role = view.histories.groups()[like.group].role;
  const auto group = view.histories.group_of(other.rank, role);
  const HistoryLane* lane = group ? view.histories.lane(*group, other.rank) : nullptr;
  if (lane == nullptr) return std::nullopt;
  const auto at = std::ranges::lower_bound(
      lane->calls, like.sequence, {}, [&](std::uint32_t one) { return other.calls[one].sequence; });
  if (at == lane->calls.end()) return std::nullopt;
  const HistoryCall& call = other.calls[*at];
  if (call.sequence != like.sequence || call.token != like.token) return std::nullopt;
  return *at;
}

// The first two calls in a row of `rank` that `other` made in the other order.
std::optional<std::uint32_t> first_inversion(const HistoryView& view,
                                             const RankHistory& rank,
                                             const RankHistory& other) {
  const HistoryCall* before = nullptr;
  std::optional<std::uint32_t> before_there;
  for (std::uint32_t at = 0; at < rank.calls.size(); ++at) {
    const HistoryCall& call = rank.calls[at];
    if (call.is_point_to_point()) continue;
    const auto there = counterpart(view, other, call);
    const bool is_inverted = before != nullptr && before->thread == call.thread &&
                             before->group != call.group && before_there && there &&
                             *before_there > *there &&
                             other.calls[*before_there].thread == other.calls[*there].thread;
    if (is_inverted) return at - 1;
    before = &call;
    before_there = there;
  }
  return std::nullopt;
}

std::optional<HistoryFinding> departure_near(const HistoryView& view,
                                             Rank rank,
                                             std::uint32_t position) {
  const RankHistory& history = *view.histories.find(rank);
  const CallProgram& program = view.habit.program(rank, history.calls[position].thread);
  const std::size_t index = program.index_of(position);
  for (std::size_t at = index; at <= index + 1; ++at) {
    if (!view.habit.departs(program, at)) continue;
    std::optional<CallDeparture> departure =
        classify_departure(view.histories, view.habit, program, at);
    if (!departure || departure->verdict != VerdictClass::kOrderInversion) continue;
    departure->thread = history.calls[position].thread;
    return finding_of(view, *departure, {rank});
  }
  return std::nullopt;
}

}  // namespace

std::vector<HistoryFinding> find_history_orders(const HistoryView& view) {
  std::vector<HistoryFinding> findings;
  std::set<Rank> named;
  for (const HistoryGroup& group : view.histories.groups()) {
    for (std::size_t index = 1; index < group.members.size(); ++index) {
      const RankHistory* left = view.histories.find(group.members[index - 1]);
      const RankHistory* right = view.histories.find(group.members[index]);
      if (left == nullptr || right == nullptr) continue;
      const auto at = first_inversion(view, *left, *right);
      if (!at) continue;
      const auto there = counterpart(view, *right, left->calls[*at + 1]);
      for (const auto& [history, position] :
           {std::pair{left, *at}, std::pair{right, there.value_or(0)}}) {
        if (named.contains(history->rank)) continue;
        std::optional<HistoryFinding> finding = departure_near(view, history->rank, position);
        if (!finding) continue;
        named.insert(history->rank);
        findings.push_back(std::move(*finding));
      }
    }
  }
  merge_alike(findings);
  return findings;
}

}  // namespace radixbench

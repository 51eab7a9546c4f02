#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace radixbench {
namespace {

// So many others a rank is compared with: whoever is in step with it will do.
constexpr std::size_t kComparedMax = 2;

// Two ranks in step with each other, and where their calls correspond.
class RankPair {
 public:
  RankPair(const HistoryView& view, const RankHistory& rank, const RankHistory& other)
      : view_{view}, rank_{rank}, other_{other} {}

  // The first two calls in a row that the other made in the other order; the position of the first.
  std::optional<std::uint32_t> first_inversion() {
    const HistoryCall* before = nullptr;
    std::optional<std::uint32_t> before_there;
    for (std::uint32_t at = 0; at < rank_.calls.size(); ++at) {
      const HistoryCall& call = rank_.calls[at];
      if (call.is_point_to_point()) continue;
      const auto there = counterpart(call);
      const bool is_inverted = before != nullptr && before->thread == call.thread &&
                               before->group != call.group && before_there && there &&
                               *before_there > *there &&
                               other_.calls[*before_there].thread == other_.calls[*there].thread;
      if (is_inverted) return at - 1;
      before = &call;
      before_there = there;
    }
    return std::nullopt;
  }

  // The other's call in the same place of the same kind of group, of the same token.
  std::optional<std::uint32_t> counterpart(const HistoryCall& like) {
    const auto [lane, is_new] = lanes_.try_emplace(like.group, nullptr);
    if (is_new) {
      const std::uint32_t role = view_.histories.groups()[like.group].role;
      const auto group = view_.histories.group_of(other_.rank, role);
      if (group) lane->second = view_.histories.lane(*group, other_.rank);
    }
    if (lane->second == nullptr) return std::nullopt;
    const std::vector<std::uint32_t>& calls = lane->second->calls;
    const auto at = std::ranges::lower_bound(
        calls, like.sequence, {}, [&](std::uint32_t one) { return other_.calls[one].sequence; });
    if (at == calls.end()) return std::nullopt;
    const HistoryCall& call = other_.calls[*at];
    if (call.sequence != like.sequence || call.token != like.token) return std::nullopt;
    return *at;
  }

 private:
  const HistoryView& view_;
  const RankHistory& rank_;
  const RankHistory& other_;
  std::map<std::uint32_t, const HistoryLane*> lanes_;
};

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

// Neighbours in the smallest groups first: they are most in step.
std::vector<std::pair<const RankHistory*, const RankHistory*>> pairs_of(const HistoryView& view) {
  std::vector<const HistoryGroup*> groups;
  for (const HistoryGroup& group : view.histories.groups()) groups.push_back(&group);
  std::ranges::stable_sort(groups, {}, [](const HistoryGroup* one) { return one->members.size(); });
  std::map<Rank, std::size_t> counts;
  std::vector<std::pair<const RankHistory*, const RankHistory*>> pairs;
  for (const HistoryGroup* group : groups) {
    for (std::size_t index = 1; index < group->members.size(); ++index) {
      const RankHistory* left = view.histories.find(group->members[index - 1]);
      const RankHistory* right = view.histories.find(group->members[index]);
      if (left == nullptr || right == nullptr) continue;
      if (counts[left->rank] >= kComparedMax && counts[right->rank] >= kComparedMax) continue;
      ++counts[left->rank];
      ++counts[right->rank];
      pairs.emplace_back(left, right);
    }
  }
  return pairs;
}

}  // namespace

std::vector<HistoryFinding> find_history_orders(const HistoryView& view) {
  std::vector<HistoryFinding> findings;
  std::set<Rank> named;
  for (const auto& [left, right] : pairs_of(view)) {
    RankPair pair{view, *left, *right};
    const auto at = pair.first_inversion();
    if (!at) continue;
    const auto there = pair.counterpart(left->calls[*at + 1]);
    for (const auto& [history, position] :
         {std::pair{left, *at}, std::pair{right, there.value_or(0)}}) {
      if (named.contains(history->rank)) continue;
      std::optional<HistoryFinding> finding = departure_near(view, history->rank, position);
      if (!finding) continue;
      named.insert(history->rank);
      findings.push_back(std::move(*finding));
    }
  }
  merge_alike(findings);
  return findings;
}

}  // namespace radixbench

#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace radixbench {
namespace {

// How many calls that are open are looked at; with many ranks only the first.
constexpr std::size_t kOpenMax = 32;
constexpr std::size_t kManyRanks = 256;

std::int64_t reached(const HistoryView& view, std::uint32_t group, Rank rank) {
  const HistoryLane* lane = view.histories.lane(group, rank);
  return lane == nullptr ? -1 : lane->reached.value_or(-1);
}

class DepartureSearch {
 public:
  explicit DepartureSearch(const HistoryView& view) : view_{view} {}

  std::optional<HistoryFinding> look_at(const StuckCall& stuck) {
    const CallProgram& program = view_.habit.program(stuck.rank, stuck.call->thread);
    const std::size_t first = program.index_of(stuck.position);
    const std::size_t most = view_.histories.ranks().size() > kManyRanks ? 1 : kOpenMax;
    for (std::size_t at = first; at < std::min(program.tokens.size(), first + most); ++at) {
      if (!view_.habit.departs(program, at)) continue;
      std::optional<CallDeparture> departure =
          classify_departure(view_.histories, view_.habit, program, at);
      if (!departure || !holds(*departure, program.tokens[at])) continue;
      departure->thread = stuck.call->thread;
      HistoryFinding finding = finding_of(view_, *departure, {stuck.rank});
      const RankHistory& history = *view_.histories.find(stuck.rank);
      const std::uint32_t position = program.positions[at];
      const StuckCall where{stuck.rank, position, &history.calls[position]};
      finding.verdict.hang = true;
      finding.verdict.absent = view_.cut.absent(where);
      return finding;
    }
    return std::nullopt;
  }

 private:
  bool holds(const CallDeparture& departure, std::uint32_t made) {
    switch (departure.verdict) {
      case VerdictClass::kWrongGroupOther: return true;
      case VerdictClass::kSkippedCall:
      case VerdictClass::kExtraCall:
      case VerdictClass::kOrderInversion: break;
      default: return false;  // what others did there, their lanes say
    }
    const std::uint32_t usual = departure.usual.continuation.front();
    if (usual == kProgramStart) return false;
    const auto own = view_.histories.group_of(departure.rank, view_.histories.token(usual).role);
    if (!own) return false;
    const std::tuple key{*own, usual, made, reached(view_, *own, departure.rank)};
    const auto [known, is_new] = contradicted_.try_emplace(key, false);
    if (is_new) known->second = is_contradicted(departure.rank, *own, usual, made);
    return known->second;
  }

  // Somebody did what the rank ought to have done: a member of the group of the usual call has come
  // to it without the rank, or a twin elsewhere has got further with it and never made this one.
  [[nodiscard]] bool is_contradicted(Rank rank,
                                     std::uint32_t own,
                                     std::uint32_t usual,
                                     std::uint32_t made) const {
    const std::uint32_t role = view_.histories.token(usual).role;
    const std::int64_t own_reached = reached(view_, own, rank);
    return std::ranges::any_of(view_.histories.ranks(), [&](const RankHistory& other) {
      const auto group = view_.histories.group_of(other.rank, role);
      if (other.rank == rank || !group) return false;
      if (reached(view_, *group, other.rank) <= own_reached) return false;
      return *group == own ? has_call(other, own, usual, own_reached + 1)
                           : made_fewer(other.rank, rank, view_.histories.token(made).role);
    });
  }

  static bool has_call(const RankHistory& history,
                       std::uint32_t group,
                       std::uint32_t token,
                       std::int64_t sequence) {
    return std::ranges::any_of(history.calls, [&](const HistoryCall& call) {
      return call.group == group && call.token == token && !call.is_point_to_point() &&
             static_cast<std::int64_t>(call.sequence) == sequence;
    });
  }

  [[nodiscard]] bool made_fewer(Rank other, Rank rank, std::uint32_t role) const {
    const auto own = view_.histories.group_of(rank, role);
    const auto others = view_.histories.group_of(other, role);
    if (!own) return false;
    return (others ? reached(view_, *others, other) : -1) < reached(view_, *own, rank);
  }

  const HistoryView& view_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::int64_t>, bool>
      contradicted_;
};

}  // namespace

std::vector<HistoryFinding> find_history_departures(const HistoryView& view) {
  std::vector<HistoryFinding> findings;
  DepartureSearch search{view};
  for (const RankHistory& history : view.histories.ranks()) {
    if (view.cut.is_moving(history.rank)) continue;
    for (const StuckCall& stuck : view.cut.stuck(history.rank)) {
      if (view.cut.absent(stuck).empty()) continue;
      if (std::optional<HistoryFinding> finding = search.look_at(stuck)) {
        findings.push_back(std::move(*finding));
      }
    }
  }
  merge_alike(findings);
  return findings;
}

}  // namespace radixbench

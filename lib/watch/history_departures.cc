#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace radixbench {
namespace {

// How many calls that are open are looked at; with many ranks only the first.
constexpr std::size_t kOpenMax = 32;
constexpr std::size_t kManyRanks = 256;

std::int64_t reached(const HistoryView& view, std::uint32_t group, Rank rank) {
  const HistoryLane* lane = view.histories.lane(group, rank);
  return lane == nullptr ? -1 : lane->reached.value_or(-1);
}

// Somebody did what the rank ought to have done: a member of the group of the usual call has come
// to it without the rank, or a twin elsewhere has got further with it and never made this one.
bool is_contradicted(const HistoryView& view, const CallDeparture& departure, std::uint32_t made) {
  const std::uint32_t usual = departure.usual.continuation.front();
  if (usual == kProgramStart) return false;
  const std::uint32_t role = view.histories.token(usual).role;
  const auto own = view.histories.group_of(departure.rank, role);
  if (!own) return false;
  const std::int64_t own_reached = reached(view, *own, departure.rank);
  for (const RankHistory& other : view.histories.ranks()) {
    if (other.rank == departure.rank) continue;
    const auto group = view.histories.group_of(other.rank, role);
    if (!group || reached(view, *group, other.rank) <= own_reached) continue;
    if (*group == *own) {
      const bool is_it = std::ranges::any_of(other.calls, [&](const HistoryCall& call) {
        return call.group == *own && call.token == usual && !call.is_point_to_point() &&
               static_cast<std::int64_t>(call.sequence) == own_reached + 1;
      });
      if (is_it) return true;
      continue;
    }
    const std::uint32_t made_role = view.histories.token(made).role;
    const auto own_made = view.histories.group_of(departure.rank, made_role);
    const auto other_made = view.histories.group_of(other.rank, made_role);
    if (!own_made) continue;
    const std::int64_t others = other_made ? reached(view, *other_made, other.rank) : -1;
    if (others < reached(view, *own_made, departure.rank)) return true;
  }
  return false;
}

bool holds(const HistoryView& view, const CallDeparture& departure, std::uint32_t made) {
  switch (departure.verdict) {
    case VerdictClass::kWrongGroupOther: return true;
    case VerdictClass::kSkippedCall:
    case VerdictClass::kExtraCall:
    case VerdictClass::kOrderInversion: return is_contradicted(view, departure, made);
    default: return false;  // what others did there, their lanes say
  }
}

std::optional<HistoryFinding> look_at(const HistoryView& view, const StuckCall& stuck) {
  const CallProgram& program = view.habit.program(stuck.rank, stuck.call->thread);
  const std::size_t first = program.index_of(stuck.position);
  const std::size_t most = view.histories.ranks().size() > kManyRanks ? 1 : kOpenMax;
  for (std::size_t at = first; at < std::min(program.tokens.size(), first + most); ++at) {
    if (!view.habit.departs(program, at)) continue;
    std::optional<CallDeparture> departure =
        classify_departure(view.histories, view.habit, program, at);
    if (!departure || !holds(view, *departure, program.tokens[at])) continue;
    departure->thread = stuck.call->thread;
    HistoryFinding finding = finding_of(view, *departure, {stuck.rank});
    const RankHistory& history = *view.histories.find(stuck.rank);
    const std::uint32_t position = program.positions[at];
    const StuckCall where{stuck.rank, position, &history.calls[position]};
    finding.verdict.hang = true;
    finding.verdict.absent = view.cut.absent(where);
    if (!finding.verdict.absent.empty()) {
      finding.verdict.sides.push_back(
          call_side(view, {stuck.rank}, "waits in", program.tokens[at]));
    }
    return finding;
  }
  return std::nullopt;
}

}  // namespace

std::vector<HistoryFinding> find_history_departures(const HistoryView& view) {
  std::vector<HistoryFinding> findings;
  for (const RankHistory& history : view.histories.ranks()) {
    if (view.cut.is_moving(history.rank)) continue;
    for (const StuckCall& stuck : view.cut.stuck(history.rank)) {
      if (view.cut.absent(stuck).empty()) continue;
      if (std::optional<HistoryFinding> finding = look_at(view, stuck)) {
        findings.push_back(std::move(*finding));
      }
    }
  }
  merge_alike(findings);
  return findings;
}

}  // namespace radixbench

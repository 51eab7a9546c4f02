#pragma once

#include "watch/call_departure.h"
#include "watch/call_habit.h"
#include "watch/call_history.h"
#include "watch/history_cut.h"
#include "watch/site_labels.h"
#include "watch/verdict.h"

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// What the parts of a diagnosis of library histories look things up in.
struct HistoryView {
  const CallHistories& histories;
  const HistoryCut& cut;
  CallHabit& habit;
  const SiteLabels& labels;
  const std::set<Rank>& damaged;  // ranks whose files could not be read
};

// A verdict and the ranks that it is about: of one component, which it explains.
struct HistoryFinding {
  Verdict verdict;
  std::uint32_t component = 0;
  std::uint32_t token = 0;  // the call that the verdict names
};

// Groups whose members made different calls in one place, the first such place of each.
std::vector<HistoryFinding> find_history_misalignments(const HistoryView& view);
// Ranks that are stuck in calls which they had no habit of making there.
std::vector<HistoryFinding> find_history_departures(const HistoryView& view);
// Why those who wait wait, where all made the same calls. Not for components of `explained`.
std::vector<HistoryFinding> find_history_roots(const HistoryView& view,
                                               const std::set<std::uint32_t>& explained);
// Components in which nobody is in a call, that stopped where they always went on.
std::vector<HistoryFinding> find_history_stops(const HistoryView& view,
                                               const std::set<std::uint32_t>& explained);
// Ranks that once made two calls in another order than everybody else and than they used to.
std::vector<HistoryFinding> find_history_orders(const HistoryView& view);

// The verdict of a departure that all `culprits` made in the same way.
HistoryFinding finding_of(const HistoryView& view,
                          const CallDeparture& departure,
                          std::vector<Rank> culprits);
// Findings of one class at one site in one component are one.
void merge_alike(std::vector<HistoryFinding>& findings);

// attn_cp x attention_tp{0,1,2,3}: the groups of `rank` that the calls are made on, one after the
// other, and whom they reach together.
std::string groups_text(const HistoryView& view, Rank rank, std::span<const std::uint32_t> tokens);
std::vector<Rank> reached_ranks(const HistoryView& view,
                                Rank rank,
                                std::span<const std::uint32_t> tokens);
CallSide call_side(const HistoryView& view,
                   std::vector<Rank> ranks,
                   std::string_view does,
                   std::uint32_t token);
// writing_check (sched.py:17): all_reduce Int[2]
std::string token_text(const HistoryView& view, std::uint32_t token);
// The call of the rank's thread before the one at `position`; nothing at the start.
std::optional<std::uint32_t> token_before(const HistoryView& view,
                                          Rank rank,
                                          std::uint32_t position);
// Whether the rank stands where its program goes round: what it does next is what it did first.
bool is_between_rounds(const HistoryView& view, Rank rank);
// What the rank's own habit, or a twin's, would have it do after its last call.
std::optional<HabitForecast> next_of(const HistoryView& view, Rank rank);
bool has_stuck(const HistoryView& view, std::uint32_t component);

}  // namespace radixbench

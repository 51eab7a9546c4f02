#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace radixbench {
namespace {

// How a component stands of which no rank is in a call.
struct Standstill {
  std::uint32_t component = 0;
  std::vector<Rank> midway;      // in the midst of a round
  std::vector<Rank> waiting;     // between two rounds: they may have nothing to do
  std::set<std::uint32_t> next;  // what those midway would do next
};

class StopSearch {
 public:
  StopSearch(const HistoryView& view, const std::set<std::uint32_t>& explained) : view_{view} {
    for (std::uint32_t component = 0; component < view.cut.component_count(); ++component) {
      if (!explained.contains(component)) look_at(component);
    }
  }

  std::vector<HistoryFinding> run() {
    std::vector<HistoryFinding> findings;
    for (const Standstill& still : still_) {
      if (still.midway.empty() || !is_out_of_place(still)) continue;
      findings.push_back(as_finding(still));
    }
    return findings;
  }

 private:
  void look_at(std::uint32_t component) {
    const std::vector<Rank> ranks = view_.cut.ranks_of(component);
    if (view_.cut.is_moving(ranks.front())) {
      ++moving_count_;
      return;
    }
    Standstill still{.component = component, .midway = {}, .waiting = {}, .next = {}};
    for (const Rank rank : ranks) {
      const RankHistory* history = view_.histories.find(rank);
      // Other libraries record a call before anything can stop it.
      if (history == nullptr || history->holds_only_unfinished || !history->tells_completion)
        return;
      if (!view_.cut.stuck(rank).empty()) {
        ++moving_count_;
        return;
      }
      if (is_between_rounds(view_, rank)) {
        still.waiting.push_back(rank);
        continue;
      }
      const std::optional<HabitForecast> next = next_of(view_, rank);
      if (!next || !next->is_strong() || next->continuation.front() == kProgramStart) return;
      still.midway.push_back(rank);
      still.next.insert(next->next.begin(), next->next.end());
    }
    still_.push_back(std::move(still));
  }

  // Everybody at one place in the midst of a round may be a pause of them all. Others that go on,
  // or rest between rounds, or stopped elsewhere, say that it is not.
  [[nodiscard]] bool is_out_of_place(const Standstill& still) const {
    if (moving_count_ > 0 || still.next.size() > 1 || !still.waiting.empty()) return true;
    return std::ranges::any_of(still_, [&](const Standstill& other) {
      return other.component != still.component &&
             (!other.waiting.empty() || other.next != still.next);
    });
  }

  HistoryFinding as_finding(const Standstill& still) {
    HistoryFinding finding;
    finding.component = still.component;
    Verdict& verdict = finding.verdict;
    verdict.verdict = VerdictClass::kStalledUnrecorded;
    verdict.hang = true;
    verdict.culprit_ranks = still.midway;
    verdict.confidence = Confidence::kLikely;
    for (const Standstill& other : still_) add_ranks(verdict.idle, other.waiting);
    const Rank rank = still.midway.front();
    const RankHistory& history = *view_.histories.find(rank);
    const HabitForecast next = *next_of(view_, rank);
    finding.token = next.continuation.front();
    const std::uint32_t last = history.calls.back().token;
    verdict.after_site = view_.labels.name(last);
    verdict.sites = {verdict.after_site};
    verdict.expected_next =
        fmt::format("{} on {} (from {})",
                    view_.labels.name(finding.token),
                    view_.histories.role_name(view_.histories.token(finding.token).role),
                    next.is_own && moving_count_ == 0 ? "its own rounds before" : "the twins");
    const std::size_t asked = question_size(view_.histories, next.continuation);
    verdict.expected_group = groups_text(view_, rank, std::span{next.continuation}.first(asked));
    verdict.evidence.push_back(fmt::format(
        "ranks {} came out of {} and are in no call; there it always went on with {} ({} times)",
        describe_ranks(still.midway),
        verdict.after_site,
        view_.labels.name(finding.token),
        next.support));
    if (!verdict.idle.empty()) {
      verdict.evidence.push_back(
          fmt::format("ranks {} rest between two rounds: nobody waits for "
                      "them in a call that was recorded",
                      describe_ranks(verdict.idle)));
    }
    verdict.sides.push_back(call_side(view_, still.midway, "made last", last));
    verdict.sides.push_back(call_side(view_, still.midway, "should have made", finding.token));
    verdict.what_would_help =
        fmt::format("a stack of one of the ranks {}", describe_ranks(still.midway));
    verdict.advice =
        "a communicator is created at a group's first call, before anything is recorded: look for "
        "a call on a group with members that don't make it; else a lock or I/O";
    return finding;
  }

  const HistoryView& view_;
  std::vector<Standstill> still_;
  std::size_t moving_count_ = 0;
};

}  // namespace

std::vector<HistoryFinding> find_history_stops(const HistoryView& view,
                                               const std::set<std::uint32_t>& explained) {
  std::vector<HistoryFinding> findings = StopSearch{view, explained}.run();
  merge_alike(findings);
  return findings;
}

}  // namespace radixbench

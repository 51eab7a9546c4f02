#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace radixbench {
namespace {

// How far before a difference the departure that led to it is looked for.
constexpr std::size_t kWindow = 128;
constexpr std::size_t kMembersAskedMax = 4;
constexpr std::size_t kLookAhead = 64;
// So often seen elsewhere, two calls belong together although they are not alike.
constexpr std::size_t kCustomary = 3;

struct Member {
  Rank rank = 0;
  std::uint32_t position = 0;
  const HistoryCall* call = nullptr;
};

struct Place {
  std::uint32_t group = 0;
  std::uint64_t sequence = 0;
  std::vector<Member> members;
};

// The lanes of one group side by side.
class Lanes {
 public:
  Lanes(const HistoryView& view, std::uint32_t group) : group_{group} {
    const HistoryGroup& one = view.histories.groups()[group];
    for (std::size_t index = 0; index < one.members.size(); ++index) {
      const RankHistory* history = view.histories.find(one.members[index]);
      if (history == nullptr || one.lanes[index].calls.empty()) continue;
      lanes_.push_back({history, &one.lanes[index].calls, 0, {}});
      const std::uint64_t first = history->calls[one.lanes[index].calls.front()].sequence;
      if (history->is_cut()) begin_ = std::max(begin_, first);
      end_ = std::max(end_, history->calls[one.lanes[index].calls.back()].sequence + 1);
    }
  }

  std::optional<Place> first_difference() {
    if (lanes_.size() < 2) return std::nullopt;
    for (std::uint64_t sequence = begin_; sequence < end_; sequence = place_after(sequence)) {
      Lane* first = nullptr;
      const HistoryCall* first_call = nullptr;
      for (Lane& lane : lanes_) {
        const HistoryCall* call = advance(lane, sequence);
        if (call == nullptr) continue;
        if (first == nullptr) {
          first = &lane;
          first_call = call;
        } else if (is_anomaly(*first, *first_call, lane, *call)) {
          return place_at(sequence);
        }
      }
    }
    return std::nullopt;
  }

 private:
  struct Lane {
    const RankHistory* history = nullptr;
    const std::vector<std::uint32_t>* calls = nullptr;
    std::size_t next = 0;
    std::set<std::uint32_t> tokens;  // empty until somebody asks
  };

  Place place_at(std::uint64_t sequence) {
    Place place{.group = group_, .sequence = sequence, .members = {}};
    for (Lane& lane : lanes_) {
      const HistoryCall* call = advance(lane, sequence);
      if (call != nullptr) place.members.push_back({lane.history->rank, current(lane), call});
    }
    return place;
  }

  // Where the next call of any lane is; in a damaged dump that may be any distance away.
  [[nodiscard]] std::uint64_t place_after(std::uint64_t sequence) const {
    std::uint64_t place = end_;
    for (const Lane& lane : lanes_) {
      std::size_t next = lane.next;
      while (next < lane.calls->size() && sequence_at(lane, next) <= sequence) ++next;
      if (next < lane.calls->size()) place = std::min(place, sequence_at(lane, next));
      if (place == sequence + 1) break;
    }
    return place;
  }

  static std::uint64_t sequence_at(const Lane& lane, std::size_t index) {
    return lane.history->calls[(*lane.calls)[index]].sequence;
  }
  static std::uint32_t current(const Lane& lane) { return (*lane.calls)[lane.next]; }
  static const HistoryCall* advance(Lane& lane, std::uint64_t sequence) {
    while (lane.next < lane.calls->size() && sequence_at(lane, lane.next) < sequence) ++lane.next;
    if (lane.next == lane.calls->size()) return nullptr;
    const HistoryCall& call = lane.history->calls[current(lane)];
    return call.sequence == sequence ? &call : nullptr;
  }

  // Ranks of one group may run different code, the first of a pipeline stage for one: two calls
  // that neither ever makes the other's of are a matter of course if they fit together.
  bool is_anomaly(Lane& left, const HistoryCall& one, Lane& right, const HistoryCall& other) {
    if (one.token == other.token) return false;
    const bool is_known = knows(left, other.token) || knows(right, one.token);
    if (one.signature == other.signature) return one.site != other.site && is_known;
    if (is_known) return true;
    const auto [custom, is_new] = customs_.try_emplace({one.token, other.token}, false);
    if (is_new) custom->second = is_customary(left, right, one, other);
    return !custom->second;
  }

  static bool knows(Lane& lane, std::uint32_t token) {
    if (lane.tokens.empty()) {
      for (const std::uint32_t at : *lane.calls) lane.tokens.insert(lane.history->calls[at].token);
    }
    return lane.tokens.contains(token);
  }

  [[nodiscard]] bool is_customary(const Lane& left,
                                  const Lane& right,
                                  const HistoryCall& one,
                                  const HistoryCall& other) const {
    std::set<std::uint64_t> places;
    for (const std::uint32_t at : *left.calls) {
      const HistoryCall& call = left.history->calls[at];
      if (call.token == one.token && !call.is_stuck()) places.insert(call.sequence);
    }
    const auto count = std::ranges::count_if(*right.calls, [&](std::uint32_t at) {
      const HistoryCall& call = right.history->calls[at];
      return call.token == other.token && !call.is_stuck() && places.contains(call.sequence);
    });
    return static_cast<std::size_t>(count) >= kCustomary;
  }

  std::uint32_t group_;
  std::vector<Lane> lanes_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> customs_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

struct Side {
  std::uint32_t token = 0;
  std::vector<Rank> ranks;
  std::vector<Member> members;
  std::optional<CallDeparture> departure;
  std::size_t distance = 0;  // calls from the departure to the place
};

class Judge {
 public:
  Judge(const HistoryView& view, const Place& place) : view_{view}, place_{place} {
    std::map<std::uint32_t, Side> sides;
    for (const Member& member : place.members) {
      Side& side = sides[member.call->token];
      side.token = member.call->token;
      add_ranks(side.ranks, std::array{member.rank});
      side.members.push_back(member);
    }
    for (auto& [token, side] : sides) sides_.push_back(std::move(side));
  }

  HistoryFinding judge() {
    if (is_one_site()) return mismatch();
    for (Side& side : sides_) look_for_departure(side);
    std::size_t nearest = ~std::size_t{0};
    bool is_unlike_all = false;
    for (const Side& side : sides_) {
      if (side.departure) nearest = std::min(nearest, side.distance);
      if (!side.departure) is_unlike_all = true;
    }
    const auto is_culprit = [&](const Side& side) {
      return side.departure && (is_unlike_all || side.distance == nearest);
    };
    const auto count = std::ranges::count_if(sides_, is_culprit);
    if (count == 0 || static_cast<std::size_t>(count) == sides_.size()) return undecided();
    const Side& side = *std::ranges::find_if(sides_, is_culprit);
    HistoryFinding finding = finding_of(view_, *side.departure, departed(side));
    for (const Side& other : sides_) {
      if (&other == &side) continue;
      finding.verdict.sides.push_back(call_side(view_, other.ranks, "made there", other.token));
    }
    finish(finding, side);
    return finding;
  }

 private:
  [[nodiscard]] const CallHistories::Token& token(std::uint32_t number) const {
    return view_.histories.token(number);
  }
  [[nodiscard]] bool is_one_site() const {
    return std::ranges::all_of(sides_, [&](const Side& side) {
      return token(side.token).site == token(sides_.front().token).site &&
             token(side.token).site != 0;
    });
  }

  void look_for_departure(Side& side) const {
    const std::size_t asked = std::min(side.members.size(), kMembersAskedMax);
    for (std::size_t i = 0; i < asked && !side.departure; ++i) {
      const Member& member = side.members[i];
      const CallProgram& program = view_.habit.program(member.rank, member.call->thread);
      const std::size_t index = program.index_of(member.position);
      const auto at = view_.habit.last_departure(program, index, kWindow);
      if (!at) continue;
      side.departure = classify_departure(view_.histories, view_.habit, program, *at);
      if (side.departure) side.departure->thread = member.call->thread;
      side.distance = index - *at;
    }
  }

  // Those of a side that left their habit; with many, all.
  [[nodiscard]] std::vector<Rank> departed(const Side& side) const {
    if (side.members.size() > kMembersAskedMax) return side.ranks;
    std::vector<Rank> ranks;
    for (const Member& member : side.members) {
      const CallProgram& program = view_.habit.program(member.rank, member.call->thread);
      if (view_.habit.last_departure(program, program.index_of(member.position), kWindow)) {
        ranks.push_back(member.rank);
      }
    }
    return ranks;
  }

  void finish(HistoryFinding& finding, const Side& odd) const {
    Verdict& verdict = finding.verdict;
    finding.component = view_.cut.component(place_.members.front().rank);
    verdict.hang = has_stuck(view_, finding.component);
    const bool has_left = std::ranges::any_of(
        odd.members, [](const Member& member) { return !member.call->is_stuck(); });
    const bool is_about_count = verdict.verdict == VerdictClass::kSkippedCall ||
                                verdict.verdict == VerdictClass::kExtraCall ||
                                verdict.verdict == VerdictClass::kCallCount;
    verdict.silent_mispair = is_about_count && has_left;
    std::vector<std::string> parts;
    for (const Side& side : sides_) {
      parts.push_back(
          fmt::format("{} {}", describe_ranks(side.ranks), token_text(view_, side.token)));
    }
    verdict.evidence.insert(verdict.evidence.begin(),
                            fmt::format("{} #{}: {}",
                                        describe(view_.histories.groups()[place_.group]),
                                        place_.sequence,
                                        fmt::join(parts, "; ")));
  }

  // One site, made differently. The odd ones are those who did not do it so before, else the few.
  HistoryFinding mismatch() {
    std::vector<const Side*> odd;
    for (const Side& side : sides_) {
      const Member& member = side.members.front();
      const CallProgram& program = view_.habit.program(member.rank, member.call->thread);
      if (view_.habit.departs(program, program.index_of(member.position))) odd.push_back(&side);
    }
    const bool is_habit = !odd.empty() && odd.size() < sides_.size();
    if (!is_habit) odd = smallest();
    HistoryFinding finding;
    Verdict& verdict = finding.verdict;
    const Side& side = odd.empty() ? sides_.front() : *odd.front();
    const Side& other =
        *std::ranges::find_if(sides_, [&](const Side& one) { return one.token != side.token; });
    verdict.verdict = mismatch_of(view_.histories.signature(token(side.token).signature),
                                  view_.histories.signature(token(other.token).signature));
    for (const Side* one : odd) add_ranks(verdict.culprit_ranks, one->ranks);
    if (odd.empty()) {
      for (const Side& one : sides_) add_ranks(verdict.culprit_ranks, one.ranks);
      verdict.is_ambiguous = true;
    }
    verdict.confidence = is_habit ? Confidence::kCertain : Confidence::kLikely;
    if (odd.empty()) verdict.confidence = Confidence::kPossible;
    finding.token = side.token;
    verdict.sites = {view_.labels.name(side.token)};
    verdict.expected_group = describe(view_.histories.groups()[place_.group]);
    verdict.actual_group = verdict.expected_group;
    verdict.advice = fmt::format("make every rank call {} alike", verdict.sites.front());
    for (const Side& one : sides_) {
      verdict.sides.push_back(call_side(view_, one.ranks, "made", one.token));
    }
    finish(finding, side);
    return finding;
  }

  [[nodiscard]] std::vector<const Side*> smallest() const {
    std::size_t least = ~std::size_t{0};
    for (const Side& side : sides_) least = std::min(least, side.ranks.size());
    std::vector<const Side*> found;
    for (const Side& side : sides_) {
      if (side.ranks.size() == least) found.push_back(&side);
    }
    return found.size() < sides_.size() ? found : std::vector<const Side*>{};
  }

  [[nodiscard]] bool makes_later(const Side& side, std::uint32_t wanted) const {
    const Member& member = side.members.front();
    const CallProgram& program = view_.habit.program(member.rank, member.call->thread);
    const std::size_t from = program.index_of(member.position) + 1;
    const std::size_t to = std::min(program.tokens.size(), from + kLookAhead);
    for (std::size_t at = from; at < to; ++at) {
      if (program.tokens[at] == wanted) return true;
    }
    return false;
  }

  // Neither habit nor anything else says who is right.
  HistoryFinding undecided() const {
    const Side& left = sides_.front();
    const Side& right = sides_.back();
    HistoryFinding finding;
    finding.token = left.token;
    Verdict& verdict = finding.verdict;
    verdict.verdict = VerdictClass::kCallCount;
    const bool left_makes = makes_later(left, right.token);
    const bool right_makes = makes_later(right, left.token);
    if (left_makes != right_makes) {
      verdict.verdict = VerdictClass::kSkippedCall;
      finding.token = left_makes ? left.token : right.token;
    }
    for (const Side& side : sides_) add_ranks(verdict.culprit_ranks, side.ranks);
    verdict.is_ambiguous = true;
    verdict.confidence = Confidence::kPossible;
    verdict.sites = {view_.labels.name(finding.token)};
    verdict.expected_group = describe(view_.histories.groups()[place_.group]);
    verdict.actual_group = verdict.expected_group;
    verdict.what_would_help = "histories that reach back to a round in which all went well";
    verdict.advice =
        fmt::format("agree on whether and how often {} is called", verdict.sites.front());
    for (const Side& side : sides_) {
      verdict.sides.push_back(call_side(view_, side.ranks, "made", side.token));
    }
    finish(finding, left);
    return finding;
  }

  const HistoryView& view_;
  const Place& place_;
  std::vector<Side> sides_;
};

}  // namespace

std::vector<HistoryFinding> find_history_misalignments(const HistoryView& view) {
  std::vector<HistoryFinding> findings;
  for (std::uint32_t group = 0; group < view.histories.groups().size(); ++group) {
    const std::optional<Place> place = Lanes{view, group}.first_difference();
    if (place) findings.push_back(Judge{view, *place}.judge());
  }
  merge_alike(findings);
  // What can't be decided in a component where something else was is what came of that.
  std::set<std::uint32_t> decided;
  for (const HistoryFinding& finding : findings) {
    if (!finding.verdict.is_ambiguous) decided.insert(finding.component);
  }
  std::erase_if(findings, [&](const HistoryFinding& finding) {
    return finding.verdict.is_ambiguous && decided.contains(finding.component);
  });
  return findings;
}

}  // namespace radixbench

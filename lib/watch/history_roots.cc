#include "watch/finding.h"
#include "watch/history_finding.h"
#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

namespace radixbench {
namespace {

constexpr std::size_t kWindow = 64;
// So many calls of one kind of group are some rounds.
constexpr std::int64_t kFarAhead = 32;

enum class RootKind : std::uint8_t { kMissing, kDamaged, kDevice, kHost, kTransport };

// Who is at the end of a chain of ranks that wait for each other.
struct Root {
  RootKind kind = RootKind::kHost;
  Rank rank = 0;
  StuckCall waiting;          // a call that waits for it
  bool is_alone = false;      // some call waits for this rank and nobody else
  std::vector<Rank> waiters;  // along the chains
};

class RootSearch {
 public:
  RootSearch(const HistoryView& view, const std::set<std::uint32_t>& explained)
      : view_{view}, explained_{explained} {}

  std::vector<HistoryFinding> run() {
    for (const RankHistory& history : view_.histories.ranks()) {
      const std::uint32_t component = view_.cut.component(history.rank);
      if (explained_.contains(component) || view_.cut.is_moving(history.rank)) continue;
      if (view_.cut.is_unsettled(history.rank)) continue;
      for (const StuckCall& stuck : view_.cut.stuck(history.rank)) {
        path_.clear();
        follow(stuck);
      }
    }
    drop_aftermath();
    std::vector<HistoryFinding> findings = told_circles();
    for (const auto& [key, roots] : by_kind()) {
      if (std::optional<HistoryFinding> finding = finding_of_roots(key.first, key.second, roots)) {
        findings.push_back(std::move(*finding));
      }
    }
    return findings;
  }

 private:
  // Circles run through each other; one is told of each component, one that names who is to blame,
  // else the smallest.
  std::vector<HistoryFinding> told_circles() {
    std::ranges::stable_sort(circles_, {}, [](const HistoryFinding& circle) {
      return std::tuple{
          circle.component, circle.verdict.is_ambiguous, circle.verdict.culprit_ranks.size()};
    });
    std::vector<HistoryFinding> told;
    for (HistoryFinding& circle : circles_) {
      const bool is_known = !told.empty() && told.back().component == circle.component;
      if (!is_known || !circle.verdict.is_ambiguous) told.push_back(std::move(circle));
    }
    return told;
  }

  using Key = std::pair<std::uint32_t, RootKind>;  // component, kind

  void follow(const StuckCall& stuck) {
    const auto again =
        std::ranges::find_if(path_, [&](const StuckCall& one) { return one.call == stuck.call; });
    if (again != path_.end()) {
      add_circle({again, path_.end()});
      return;
    }
    if (!followed_.insert(stuck.call).second) return;
    path_.push_back(stuck);
    const std::vector<Rank> absent = view_.cut.absent(stuck);
    for (const Rank rank : absent) ask(stuck, rank, absent.size() == 1);
    if (absent.empty()) look_inside(stuck);
    path_.pop_back();
  }

  // All have come. Whoever is through shows that those who aren't are held up by their own device;
  // else whoever is still in something older holds up the rest.
  void look_inside(const StuckCall& stuck) {
    const std::vector<Rank> through = view_.cut.through(stuck);
    const std::vector<Rank> inside = view_.cut.inside(stuck);
    const RankHistory& own = *view_.histories.find(stuck.rank);
    const bool takes_all = takes_everybody(view_.histories.signature(stuck.call->signature));
    if (!through.empty() && (takes_all || inside.empty())) {
      if (own.tells_completion) add(RootKind::kDevice, stuck.rank, stuck, true);
      return;
    }
    bool is_held_up = false;
    for (const Rank rank : inside) {
      for (const StuckCall& other : view_.cut.stuck(rank)) {
        const bool is_same =
            other.call->group == stuck.call->group && other.call->sequence == stuck.call->sequence;
        const bool is_half = stuck.call->is_point_to_point() && other.call->is_point_to_point() &&
                             other.call->group == stuck.call->group &&
                             other.call->kind != stuck.call->kind;
        if (is_same || is_half || other.call->thread != thread_of(rank, *stuck.call)) continue;
        is_held_up = true;
        follow(other);
      }
    }
    const HistoryGroup& group = view_.histories.groups()[stuck.call->group];
    if (is_held_up || !own.tells_completion || (group.are_inferred && group.users.size() < 2))
      return;
    add(RootKind::kTransport, stuck.rank, stuck, true);
  }

  [[nodiscard]] std::uint16_t thread_of(Rank rank, const HistoryCall& like) const {
    const RankHistory& history = *view_.histories.find(rank);
    if (history.tells_completion) {
      const std::vector<StuckCall> stuck = view_.cut.stuck(rank);
      return stuck.empty() ? std::uint16_t{0} : stuck.front().call->thread;
    }
    for (auto call = history.calls.rbegin(); call != history.calls.rend(); ++call) {
      if (call->group == like.group) return call->thread;
    }
    return history.calls.empty() ? std::uint16_t{0} : history.calls.back().thread;
  }

  void ask(const StuckCall& stuck, Rank absent, bool is_alone) {
    const RankHistory* history = view_.histories.find(absent);
    // Who goes on elsewhere may yet come.
    if (history != nullptr && view_.cut.is_moving(absent)) return;
    if (history == nullptr) {
      add(view_.damaged.contains(absent) ? RootKind::kDamaged : RootKind::kMissing,
          absent,
          stuck,
          is_alone);
      return;
    }
    bool is_stuck = false;
    for (const StuckCall& other : view_.cut.stuck(absent)) {
      if (other.call->thread != thread_of(absent, *stuck.call)) continue;
      is_stuck = true;
      follow(other);
    }
    if (is_stuck) return;
    if (blame_lost_peer(stuck, *history)) return;
    add(RootKind::kHost, absent, stuck, is_alone);
  }

  // Where a call that failed looks like one that is over, a rank whose last call was with somebody
  // who left nothing behind was let down by that one.
  bool blame_lost_peer(const StuckCall& stuck, const RankHistory& history) {
    if (history.tells_completion || history.calls.empty()) return false;
    const HistoryGroup& group = view_.histories.groups()[history.calls.back().group];
    std::vector<Rank> lost;
    for (const Rank member : group.members) {
      const bool is_lost =
          view_.histories.find(member) == nullptr && !view_.damaged.contains(member);
      if (is_lost) lost.push_back(member);
    }
    for (const Rank rank : lost) add(RootKind::kMissing, rank, stuck, lost.size() == 1);
    return !lost.empty();
  }

  void add(RootKind kind, Rank rank, const StuckCall& waiting, bool is_alone) {
    const auto [found, is_new] = roots_.try_emplace({kind, rank});
    Root& root = found->second;
    if (is_new)
      root = {.kind = kind, .rank = rank, .waiting = waiting, .is_alone = false, .waiters = {}};
    root.is_alone = root.is_alone || is_alone;
    for (const StuckCall& one : path_) {
      if (one.rank != rank) add_ranks(root.waiters, std::array{one.rank});
    }
  }

  // Once somebody is gone others stop wherever they are, and where somebody is late nobody need
  // look at the network.
  void drop_aftermath() {
    std::map<std::uint32_t, std::set<RootKind>> kinds;
    for (const auto& [key, root] : roots_) kinds[view_.cut.component(root.rank)].insert(root.kind);
    std::set<std::pair<RootKind, Rank>> dropped;
    for (const auto& [key, root] : roots_) {
      if (is_aftermath(root, kinds[view_.cut.component(root.rank)])) dropped.insert(key);
    }
    std::erase_if(roots_, [&](const auto& entry) { return dropped.contains(entry.first); });
    std::erase_if(circles_, [&](const HistoryFinding& circle) {
      return kinds.contains(circle.component) &&
             kinds[circle.component].contains(RootKind::kMissing);
    });
  }

  bool is_aftermath(const Root& root, const std::set<RootKind>& all) {
    const bool is_gone = all.contains(RootKind::kMissing);
    switch (root.kind) {
      case RootKind::kTransport: return all.size() > 1;
      case RootKind::kHost: return is_gone || is_still_moving(root);
      case RootKind::kDamaged: return is_gone;
      default: return false;
    }
  }

  // In a hang everybody comes to wait sooner or later. Ranks that are in no call in the midst of a
  // round, and for whom nobody waits, say that histories were taken of ranks that run. Nor is a
  // rank late that waits for work with everybody else.
  bool is_still_moving(const Root& late) {
    if (is_between_rounds(view_, late.rank) && waits_for_work(late)) return true;
    const RankHistory& history = *view_.histories.find(late.rank);
    if (history.active_threads.contains(thread_of(late.rank, *late.waiting.call))) return true;
    if (are_too_many(view_.cut.component(late.rank)) || is_abreast_of_others(late)) return true;
    return std::ranges::any_of(midway_of(view_.cut.component(late.rank)), [&](Rank rank) {
      return !roots_.contains({RootKind::kHost, rank});
    });
  }
  // Replicas run by themselves, and one that is late falls behind those that go on. Where nothing
  // tells who came out of a call, and another replica is no further, the late one was rather looked
  // at while it ran. One that rests, or stopped for a reason of its own, may be anywhere; only at
  // the same place it says the same.
  bool is_abreast_of_others(const Root& late) {
    const bool tells = view_.histories.find(late.rank)->tells_completion;
    if (tells || late.waiting.call->is_point_to_point()) return false;
    const std::uint32_t own = view_.cut.component(late.rank);
    const auto place = static_cast<std::int64_t>(late.waiting.call->sequence);
    const std::uint32_t role = view_.histories.groups()[late.waiting.call->group].role;
    return std::ranges::any_of(places_of(role), [&](const auto& entry) {
      const auto& [component, reached] = entry;
      const std::int64_t ahead = reached - place;
      if (component == own || ahead > kFarAhead || is_held_up(component)) return false;
      return ahead >= -kFarAhead || !is_resting(component);
    });
  }
  // How far the ranks of each component came with their groups of that role.
  const std::map<std::uint32_t, std::int64_t>& places_of(std::uint32_t role) {
    const auto [found, is_new] = places_.try_emplace(role);
    if (!is_new) return found->second;
    for (const HistoryGroup& group : view_.histories.groups()) {
      if (group.role != role) continue;
      for (std::size_t index = 0; index < group.members.size(); ++index) {
        const std::optional<std::int64_t>& reached = group.lanes[index].reached;
        if (view_.histories.find(group.members[index]) == nullptr || !reached) continue;
        std::int64_t& place =
            found->second.try_emplace(view_.cut.component(group.members[index]), -1).first->second;
        place = std::max(place, *reached);
      }
    }
    return found->second;
  }
  // By something else than a rank that looks late.
  bool is_held_up(std::uint32_t component) {
    return explained_.contains(component) || std::ranges::any_of(roots_, [&](const auto& entry) {
             return entry.first.first != RootKind::kHost &&
                    view_.cut.component(entry.second.rank) == component;
           });
  }
  // Everybody is between two rounds, or waits for such.
  bool is_resting(std::uint32_t component) {
    return std::ranges::all_of(view_.cut.ranks_of(component), [&](Rank rank) {
      if (view_.histories.find(rank) == nullptr) return true;
      const std::vector<StuckCall>& stuck = view_.cut.stuck(rank);
      if (stuck.empty()) return is_between_rounds(view_, rank);
      return std::ranges::all_of(stuck, [&](const StuckCall& one) {
        const std::vector<Rank> absent = view_.cut.absent(one);
        return !absent.empty() && std::ranges::all_of(absent, [&](Rank other) {
          return is_between_rounds(view_, other);
        });
      });
    });
  }
  // Where nothing tells who came out of a call, many that are in none at once were rather looked at
  // while they ran.
  bool are_too_many(std::uint32_t component) {
    std::size_t count = 0;
    for (const auto& [key, root] : roots_) {
      const bool is_counted = key.first == RootKind::kHost &&
                              view_.cut.component(key.second) == component &&
                              !view_.histories.find(key.second)->tells_completion;
      if (is_counted) ++count;
    }
    return count > 1 && 4 * count > view_.cut.ranks_of(component).size();
  }
  // Ranks in no call, in the midst of a round.
  const std::vector<Rank>& midway_of(std::uint32_t component) {
    const auto [found, is_new] = midway_.try_emplace(component);
    if (!is_new) return found->second;
    for (const Rank rank : view_.cut.ranks_of(component)) {
      const RankHistory* history = view_.histories.find(rank);
      if (history == nullptr || history->holds_only_unfinished || history->calls.empty()) continue;
      if (!view_.cut.stuck(rank).empty() || !next_of(view_, rank)) continue;
      if (!is_between_rounds(view_, rank)) found->second.push_back(rank);
    }
    return found->second;
  }
  bool waits_for_work(const Root& late) {
    const std::optional<HabitForecast> next = next_of(view_, late.rank);
    return next && std::ranges::find(next->next, late.waiting.call->token) != next->next.end();
  }

  [[nodiscard]] std::map<Key, std::vector<const Root*>> by_kind() const {
    std::map<Key, std::vector<const Root*>> sorted;
    for (const auto& [key, root] : roots_) {
      sorted[{view_.cut.component(root.rank), root.kind}].push_back(&root);
    }
    return sorted;
  }

  std::optional<HistoryFinding> finding_of_roots(std::uint32_t component,
                                                 RootKind kind,
                                                 const std::vector<const Root*>& roots);
  void describe(RootKind kind, const std::vector<const Root*>& roots, HistoryFinding& finding);
  static void describe_missing(const std::vector<const Root*>& roots, Verdict& verdict);
  void describe_device(const std::vector<const Root*>& roots, Verdict& verdict);
  void describe_host(const std::vector<const Root*>& roots, HistoryFinding& finding);
  void add_circle(std::vector<StuckCall> circle);

  const HistoryView& view_;
  const std::set<std::uint32_t>& explained_;
  std::vector<StuckCall> path_;
  std::set<const HistoryCall*> followed_;
  std::map<std::pair<RootKind, Rank>, Root> roots_;
  std::map<std::uint32_t, std::vector<Rank>> midway_;                      // by component
  std::map<std::uint32_t, std::map<std::uint32_t, std::int64_t>> places_;  // by role, component
  std::vector<HistoryFinding> circles_;
};

std::optional<HistoryFinding> RootSearch::finding_of_roots(std::uint32_t component,
                                                           RootKind kind,
                                                           const std::vector<const Root*>& roots) {
  HistoryFinding finding;
  finding.component = component;
  Verdict& verdict = finding.verdict;
  verdict.hang = true;
  const StuckCall& waiting = roots.front()->waiting;
  std::vector<Rank> waiters;
  for (const Root* root : roots) {
    verdict.culprit_ranks.push_back(root->rank);  // they come by rank
    add_ranks(waiters, root->waiters);
  }
  finding.token = waiting.call->token;
  verdict.sites = {view_.labels.name(finding.token)};
  verdict.expected_group = radixbench::describe(view_.histories.groups()[waiting.call->group]);
  verdict.actual_group = verdict.expected_group;
  verdict.absent = view_.cut.absent(waiting);
  verdict.confidence = Confidence::kLikely;
  if (!waiters.empty()) {
    verdict.evidence.push_back(fmt::format("ranks {} wait, first in {} on {} #{}",
                                           describe_ranks(waiters),
                                           verdict.sites.front(),
                                           verdict.expected_group,
                                           waiting.call->sequence));
  }
  verdict.sides.push_back(call_side(view_, {waiting.rank}, "waits in", finding.token));
  describe(kind, roots, finding);
  return finding;
}

void RootSearch::describe(RootKind kind,
                          const std::vector<const Root*>& roots,
                          HistoryFinding& finding) {
  Verdict& verdict = finding.verdict;
  switch (kind) {
    case RootKind::kMissing: return describe_missing(roots, verdict);
    case RootKind::kDamaged:
      verdict.verdict = VerdictClass::kIncomplete;
      verdict.what_would_help =
          fmt::format("readable dumps of ranks {}", describe_ranks(verdict.culprit_ranks));
      verdict.culprit_ranks.clear();
      return;
    case RootKind::kDevice: return describe_device(roots, verdict);
    case RootKind::kHost: return describe_host(roots, finding);
    case RootKind::kTransport:
      verdict.verdict = VerdictClass::kTransport;
      verdict.culprit_ranks = view_.histories.groups()[roots.front()->waiting.call->group].members;
      std::ranges::sort(verdict.culprit_ranks);
      verdict.evidence.emplace_back("all members are in the call, none came out of it");
      verdict.advice = "the calls match: look at the network, the device or the library";
      return;
  }
}

void RootSearch::describe_missing(const std::vector<const Root*>& roots, Verdict& verdict) {
  if (std::ranges::none_of(roots, [](const Root* root) { return root->is_alone; })) {
    verdict.verdict = VerdictClass::kIncomplete;
    verdict.what_would_help =
        fmt::format("the dumps of ranks {}", describe_ranks(verdict.culprit_ranks));
    verdict.culprit_ranks.clear();
    return;
  }
  verdict.verdict = VerdictClass::kRankDied;
  verdict.culprit_ranks.clear();
  for (const Root* root : roots) {
    if (root->is_alone) verdict.culprit_ranks.push_back(root->rank);
  }
  verdict.evidence.push_back(fmt::format("ranks {} left no dump, and nobody else is waited for",
                                         describe_ranks(verdict.culprit_ranks)));
  verdict.what_would_help =
      "whether the process is gone: a rank that can't write its dump looks the same";
  verdict.advice = "see the host's log of that process: out of memory, a crash, a kill";
}

void RootSearch::describe_device(const std::vector<const Root*>& roots, Verdict& verdict) {
  verdict.verdict = VerdictClass::kLateDevice;
  for (const Root* root : roots) {
    verdict.evidence.push_back(
        fmt::format("rank {} is in {} on {} #{}, which ranks {} are through with",
                    root->rank,
                    view_.labels.name(root->waiting.call->token),
                    radixbench::describe(view_.histories.groups()[root->waiting.call->group]),
                    root->waiting.call->sequence,
                    describe_ranks(view_.cut.through(root->waiting))));
  }
  verdict.advice = "the calls match and the host went on: look at the device and its kernels";
}

void RootSearch::describe_host(const std::vector<const Root*>& roots, HistoryFinding& finding) {
  Verdict& verdict = finding.verdict;
  verdict.verdict = VerdictClass::kLateHost;
  for (const Root* root : roots) {
    const RankHistory& history = *view_.histories.find(root->rank);
    const auto last =
        token_before(view_, root->rank, static_cast<std::uint32_t>(history.calls.size()));
    if (last) verdict.after_site = view_.labels.name(*last);
    verdict.evidence.push_back(
        fmt::format("rank {} is in no call{}{}",
                    root->rank,
                    last ? "; its last was " + view_.labels.name(*last) : "",
                    history.tells_completion ? ", and its device has nothing left to do" : ""));
  }
  verdict.sides.push_back(
      call_side(view_, verdict.culprit_ranks, "did not come to", finding.token));
  verdict.expected_next = verdict.sites.front();
  verdict.what_would_help =
      fmt::format("a stack of ranks {}", describe_ranks(verdict.culprit_ranks));
  if (!view_.histories.find(roots.front()->rank)->tells_completion) {
    verdict.what_would_help += ", or a second dump: who is late is where it was, who runs is not";
  }
  verdict.advice =
      "nothing is mismatched: find out where that rank's program is; who creates a "
      "communicator, takes a lock or reads a file leaves no trace in these dumps";
}

void RootSearch::add_circle(std::vector<StuckCall> circle) {
  std::vector<Rank> ranks;
  std::vector<std::string> steps;
  for (const StuckCall& stuck : circle) {
    add_ranks(ranks, std::array{stuck.rank});
    steps.push_back(fmt::format("rank {} in {} on {}",
                                stuck.rank,
                                view_.labels.name(stuck.call->token),
                                radixbench::describe(view_.histories.groups()[stuck.call->group])));
  }
  HistoryFinding finding;
  std::vector<Rank> departed;
  for (const StuckCall& stuck : circle) {
    const CallProgram& program = view_.habit.program(stuck.rank, stuck.call->thread);
    const auto at = view_.habit.last_departure(program, program.index_of(stuck.position), kWindow);
    if (!at) continue;
    std::optional<CallDeparture> departure =
        classify_departure(view_.histories, view_.habit, program, *at);
    if (!departure) continue;
    departure->thread = stuck.call->thread;
    add_ranks(departed, std::array{stuck.rank});
    if (departed.size() == 1) finding = finding_of(view_, *departure, {stuck.rank});
  }
  Verdict& verdict = finding.verdict;
  if (departed.empty() || departed.size() == ranks.size()) {
    verdict = Verdict{};
    verdict.verdict = VerdictClass::kOrderInversion;
    verdict.culprit_ranks = ranks;
    verdict.is_ambiguous = true;
    verdict.confidence = Confidence::kPossible;
    verdict.sites = {view_.labels.name(circle.front().call->token)};
    verdict.what_would_help = "histories that reach back to a round in which all went well";
    verdict.advice = "let every rank make these calls in one order";
    for (const StuckCall& stuck : circle) {
      verdict.sides.push_back(call_side(view_, {stuck.rank}, "waits in", stuck.call->token));
    }
  } else {
    verdict.culprit_ranks = departed;
  }
  finding.component = view_.cut.component(ranks.front());
  finding.token = circle.front().call->token;
  verdict.hang = true;
  verdict.evidence.insert(verdict.evidence.begin(),
                          fmt::format("a circle: {}, and again", fmt::join(steps, " waits for ")));
  circles_.push_back(std::move(finding));
}

}  // namespace

std::vector<HistoryFinding> find_history_roots(const HistoryView& view,
                                               const std::set<std::uint32_t>& explained) {
  std::vector<HistoryFinding> findings = RootSearch{view, explained}.run();
  merge_alike(findings);
  return findings;
}

}  // namespace radixbench

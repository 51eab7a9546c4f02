#include "watch/finding.h"
#include "watch/waiting.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <tuple>

namespace radixbench {
namespace {

using Entry = Timeline::Entry;
using Group = Timeline::Group;

// The thread of `rank` that would make the call that `entry` waits for: who made its earlier calls
// on the group, else who makes its calls at the site, else the only or first one.
std::optional<std::uint32_t> owner(const Timeline& timeline, const Entry& entry, Rank rank) {
  std::optional<std::uint32_t> by_site;
  std::optional<std::uint32_t> by_group;
  for (const Entry& call : timeline.calls(rank)) {
    if (call.group == entry.group) by_group = call.thread;
    if (call.site == entry.site) by_site = call.thread;
  }
  if (by_group) return by_group;
  if (by_site) return by_site;
  const Recording* own = timeline.recording(rank);
  if (own == nullptr || own->threads.empty()) return std::nullopt;
  const Recording* other = timeline.recording(entry.rank);
  const auto same = std::ranges::find(own->threads, other->threads[entry.thread]);
  if (same == own->threads.end()) return std::nullopt;
  return static_cast<std::uint32_t>(same - own->threads.begin());
}

const RecordedEvent* last_event(const Recording& recording, std::uint32_t thread) {
  for (auto event = recording.events.rbegin(); event != recording.events.rend(); ++event) {
    if (event->thread == thread) return &*event;
  }
  return nullptr;
}

// Why a rank that is waited for has not come.
struct Root {
  VerdictClass verdict = VerdictClass::kStalledUnrecorded;
  Rank rank = 0;
  std::uint32_t thread = 0;
  Entry waiting;  // a call that waits for it, the earliest that shows it
  auto key() const { return std::tuple{verdict, rank, thread}; }
};

class RootSearch {
 public:
  RootSearch(const Timeline& timeline, const std::set<std::uint32_t>& explained)
      : timeline_{timeline}, explained_{explained} {}

  std::vector<Finding> run() {
    for (const Recording* recording : timeline_.recordings()) {
      for (const Entry& entry : stuck_calls(timeline_, recording->rank)) {
        path_.clear();
        follow(entry);
      }
    }
    add_unmissed_deaths();
    drop_aftermath();
    std::vector<Finding> findings;
    findings.reserve(roots_.size() + circles_.size());
    for (const auto& [key, found] : roots_) findings.push_back(as_finding(found));
    for (Finding& circle : circles_) findings.push_back(std::move(circle));
    return findings;
  }

 private:
  struct Found {
    Root root;
    std::vector<Rank> waiting;
    std::set<std::uint32_t> groups;
  };

  // Depth first from a waiting call to whoever it waits for, to the calls that those wait in.
  void follow(const Entry& entry) {
    if (explained_.contains(entry.group)) return;
    const auto on_path =
        std::ranges::find_if(path_, [&](const Entry& seen) { return seen.event == entry.event; });
    if (on_path != path_.end()) {
      add_circle({on_path, path_.end()});
      return;
    }
    // A call that was followed once has given what it can.
    if (!followed_.insert(entry.event).second) return;
    path_.push_back(entry);
    for (const Rank absent : waited_for(timeline_, entry)) ask(entry, absent);
    path_.pop_back();
  }

  void ask(const Entry& entry, Rank absent) {
    const Recording* own = timeline_.recording(absent);
    if (own == nullptr) return add(VerdictClass::kIncomplete, absent, 0, entry);
    const std::optional<std::uint32_t> thread = owner(timeline_, entry, absent);
    const std::vector<Entry> stuck = stuck_calls(timeline_, absent);
    if (own->fate == RankFate::kKilled) {
      return add(VerdictClass::kRankDied, absent, 0, entry);
    }
    for (const Entry& other : stuck) {
      // Who ended because a call of another thread failed did not come for that reason.
      if (thread && other.thread != *thread && own->fate != RankFate::kEnded) continue;
      return follow(other);
    }
    const RecordedEvent* last = thread ? last_event(*own, *thread) : nullptr;
    if (last == nullptr) return add(VerdictClass::kStalledUnrecorded, absent, 0, entry);
    if (const auto* end = std::get_if<RecordedThreadEnd>(&last->what);
        end != nullptr && end->is_failure) {
      return add(VerdictClass::kThreadDied, absent, *thread, entry);
    }
    add(class_of_idle(entry, *own, *thread, *last), absent, *thread, entry);
  }

  // The thread is there, waits for nobody, and has not come.
  [[nodiscard]] VerdictClass class_of_idle(const Entry& entry,
                                           const Recording& own,
                                           std::uint32_t thread,
                                           const RecordedEvent& last) const {
    const Contract* asked = timeline_.contract(entry.site);
    const bool must_come = asked != nullptr && asked->members != ContractMembers::kOptional;
    const bool has_ended =
        own.fate == RankFate::kEnded || std::holds_alternative<RecordedThreadEnd>(last.what);
    const VerdictClass left_out = asked != nullptr && asked->creates_group
                                      ? VerdictClass::kGroupNotInitialised
                                      : VerdictClass::kSkippedCall;
    if (has_ended) return must_come ? left_out : VerdictClass::kExtraCall;
    const bool are_stepping =
        timeline_.is_stepping(own.rank, thread) && timeline_.is_stepping(entry.rank, entry.thread);
    if (must_come && are_stepping && last.step > entry.event->step) return left_out;
    if (must_come && are_stepping && last.step == entry.event->step) {
      const Timeline::SiteId site = timeline_.site_of(own, last);
      const std::optional<bool> is_behind =
          site == entry.site ? std::optional<bool>{}
                             : timeline_.comes_before(entry.site, site, last.step);
      if (is_behind.value_or(false)) return left_out;
    }
    if (std::holds_alternative<RecordedActivity>(last.what) && last.state == EventState::kInside) {
      return VerdictClass::kLateHost;
    }
    return VerdictClass::kStalledUnrecorded;
  }

  void add(VerdictClass verdict, Rank rank, std::uint32_t thread, const Entry& waiting) {
    const Root root{.verdict = verdict, .rank = rank, .thread = thread, .waiting = waiting};
    const auto [found, is_new] = roots_.try_emplace(root.key(), Found{root, {}, {}});
    Found& all = found->second;
    if (waiting.event->step < all.root.waiting.event->step) all.root = root;
    for (const Entry& entry : path_) {
      add_ranks(all.waiting, std::array{entry.rank});
      all.groups.insert(entry.group);
    }
  }

  void add_unmissed_deaths() {
    for (const Recording* own : timeline_.recordings()) {
      if (own->fate != RankFate::kKilled) continue;
      const bool is_known = std::ranges::any_of(roots_, [&](const auto& entry) {
        return entry.second.root.verdict == VerdictClass::kRankDied &&
               entry.second.root.rank == own->rank;
      });
      if (is_known) continue;
      const std::vector<Entry>& calls = timeline_.calls(own->rank);
      // Who was killed by its own mistake in an explained call is that call's.
      const bool is_explained = own->signal != SIGKILL && !calls.empty() &&
                                calls.back().is_stuck() && explained_.contains(calls.back().group);
      if (is_explained) continue;
      Root root{.verdict = VerdictClass::kRankDied, .rank = own->rank, .thread = 0, .waiting = {}};
      if (!calls.empty()) root.waiting = calls.back();
      roots_.try_emplace(root.key(), Found{root, {}, {}});
    }
  }

  // Once a rank is dead its peers fail one after the other and stop wherever they are: who of them
  // did not come to a call says nothing of its own.
  void drop_aftermath() {
    const bool has_death = std::ranges::any_of(roots_, [](const auto& entry) {
      return entry.second.root.verdict == VerdictClass::kRankDied;
    });
    if (!has_death) return;
    circles_.clear();
    std::erase_if(roots_, [](const auto& entry) {
      const VerdictClass verdict = entry.second.root.verdict;
      return verdict != VerdictClass::kRankDied && verdict != VerdictClass::kThreadDied;
    });
  }

  [[nodiscard]] Finding as_finding(const Found& found) const;
  void describe_death(const Found& found, Finding& finding) const;
  void describe_thread_death(const Found& found, Finding& finding) const;
  void describe_idle(const Found& found, Finding& finding) const;
  void add_circle(std::vector<Entry> circle);
  [[nodiscard]] Finding left_out(const Entry& waiting, const Entry& other) const;
  [[nodiscard]] Finding inversion(const std::vector<Entry>& circle) const;
  [[nodiscard]] std::vector<Rank> deviating(const std::vector<Entry>& circle) const;

  const Timeline& timeline_;
  const std::set<std::uint32_t>& explained_;
  std::vector<Entry> path_;
  std::set<const RecordedEvent*> followed_;
  std::map<std::tuple<VerdictClass, Rank, std::uint32_t>, Found> roots_;
  std::vector<Finding> circles_;
};

// name{members without the rank}
std::string without(const RecordedGroup& group, Rank gone) {
  std::vector<Rank> members = group.members;
  std::erase(members, gone);
  return group.name + describe_ranks(members);
}

Finding RootSearch::as_finding(const Found& found) const {
  const Root& root = found.root;
  Finding finding;
  finding.ranks = found.waiting;
  add_ranks(finding.ranks, std::array{root.rank});
  finding.groups = found.groups;
  Verdict& verdict = finding.verdict;
  verdict.verdict = root.verdict;
  verdict.hang = !found.waiting.empty();
  verdict.culprit_ranks = {root.rank};
  if (root.waiting.event != nullptr) {
    finding.step = root.waiting.event->step;
    finding.site = root.waiting.site;
    const RecordedGroup& group = timeline_.groups()[root.waiting.group].spec;
    verdict.sites = {timeline_.site_name(root.waiting.site)};
    verdict.key = timeline_.key_text(root.waiting.site, root.waiting.event->key);
    verdict.expected_group = describe(group);
    verdict.actual_group = verdict.expected_group;
    if (verdict.hang) {
      verdict.absent = waited_for(timeline_, root.waiting);
      verdict.evidence.push_back(fmt::format("ranks {} wait, first in {} on {} #{}",
                                             describe_ranks(found.waiting),
                                             verdict.sites.front(),
                                             describe(group),
                                             root.waiting.call->sequence));
    }
  }
  switch (root.verdict) {
    case VerdictClass::kIncomplete:
      verdict.missing_dumps = {root.rank};
      verdict.culprit_ranks = {};
      verdict.what_would_help = fmt::format("the recording of rank {}", root.rank);
      break;
    case VerdictClass::kRankDied: describe_death(found, finding); break;
    case VerdictClass::kThreadDied: describe_thread_death(found, finding); break;
    default: describe_idle(found, finding);
  }
  return finding;
}

void RootSearch::describe_death(const Found& found, Finding& finding) const {
  const Recording& own = *timeline_.recording(found.root.rank);
  Verdict& verdict = finding.verdict;
  if (!own.events.empty()) {
    const RecordedEvent& last = own.events.back();
    verdict.after_site = site_or_thread(own, last);
    verdict.sites = {"last:" + verdict.after_site};
    verdict.key = timeline_.key_text(timeline_.site_of(own, last), last.key);
    finding.step = last.step;
  }
  if (found.root.waiting.event != nullptr) {
    verdict.actual_group =
        without(timeline_.groups()[found.root.waiting.group].spec, found.root.rank);
  }
  verdict.evidence.insert(verdict.evidence.begin(),
                          fmt::format("rank {} was killed by signal {} after {} in step {}",
                                      found.root.rank,
                                      own.signal,
                                      verdict.after_site,
                                      finding.step));
  verdict.advice = "see the host's log of that process: out of memory, a crash, or somebody's kill";
}

void RootSearch::describe_thread_death(const Found& found, Finding& finding) const {
  const Recording& own = *timeline_.recording(found.root.rank);
  Verdict& verdict = finding.verdict;
  const RecordedEvent& last = *last_event(own, found.root.thread);
  verdict.sites = {site_or_thread(own, last)};
  verdict.actual_group =
      without(timeline_.groups()[found.root.waiting.group].spec, found.root.rank);
  verdict.evidence.insert(verdict.evidence.begin(),
                          fmt::format("thread {} of rank {} ended by a failure; the process lives",
                                      own.threads[found.root.thread],
                                      found.root.rank));
  verdict.advice = "find what ended the thread, and let its peers hear of it";
}

void RootSearch::describe_idle(const Found& found, Finding& finding) const {
  const Recording& own = *timeline_.recording(found.root.rank);
  Verdict& verdict = finding.verdict;
  const RecordedEvent* last = last_event(own, found.root.thread);
  if (last != nullptr) {
    verdict.after_site = site_or_thread(own, *last);
    verdict.evidence.push_back(fmt::format(
        "rank {} was last seen at {} in step {}", found.root.rank, verdict.after_site, last->step));
  }
  switch (verdict.verdict) {
    case VerdictClass::kExtraCall:
      verdict.culprit_ranks = found.waiting;
      verdict.advice =
          fmt::format("take {} off the path that only these ranks take", verdict.sites.front());
      break;
    case VerdictClass::kGroupNotInitialised:
      verdict.actual_group = describe_ranks(found.waiting) + " entered";
      verdict.advice = "let every member create the group, or none";
      break;
    case VerdictClass::kLateHost:
      verdict.evidence.push_back(
          fmt::format("rank {} is inside {}", found.root.rank, verdict.after_site));
      verdict.advice = "nothing is mismatched: find out why that rank is slow";
      break;
    case VerdictClass::kStalledUnrecorded:
      verdict.expected_next = verdict.sites.front();
      verdict.confidence = Confidence::kLikely;
      verdict.what_would_help = fmt::format("a stack of rank {}'s threads", found.root.rank);
      verdict.advice =
          "the rank stopped outside of any recorded call: a lock, I/O, or the creation "
          "of a communicator";
      break;
    default: verdict.advice = fmt::format("call {} on every rank", verdict.sites.front());
  }
}

// Ranks that wait for each other in a circle of calls.
void RootSearch::add_circle(std::vector<Entry> circle) {
  const bool is_sends = std::ranges::all_of(circle, is_point_to_point);
  if (!is_sends) {
    for (std::size_t i = 0; i < circle.size(); ++i) {
      const Entry& waiting = circle[i];
      const Entry& other = circle[(i + 1) % circle.size()];
      const bool are_stepping = timeline_.is_stepping(waiting.rank, waiting.thread) &&
                                timeline_.is_stepping(other.rank, other.thread);
      if (!are_stepping || waiting.event->step > other.event->step) continue;
      const Contract* asked = timeline_.contract(waiting.site);
      if (asked == nullptr || asked->members == ContractMembers::kOptional) continue;
      const bool is_passed =
          waiting.event->step < other.event->step ||
          (waiting.site != other.site &&
           timeline_.comes_before(waiting.site, other.site, waiting.event->step).value_or(false));
      if (!is_passed) continue;
      circles_.push_back(left_out(waiting, other));
      return;
    }
  }
  circles_.push_back(inversion(circle));
}

// `other` is behind the place where it should have met `waiting`.
Finding RootSearch::left_out(const Entry& waiting, const Entry& other) const {
  const RecordedGroup& group = timeline_.groups()[waiting.group].spec;
  Finding finding;
  finding.step = waiting.event->step;
  finding.site = waiting.site;
  finding.ranks = group.members;
  add_ranks(finding.ranks, timeline_.groups()[other.group].spec.members);
  finding.groups = {waiting.group, other.group};
  Verdict& verdict = finding.verdict;
  verdict.verdict = timeline_.contract(waiting.site)->creates_group
                        ? VerdictClass::kGroupNotInitialised
                        : VerdictClass::kSkippedCall;
  verdict.hang = true;
  verdict.sites = {timeline_.site_name(waiting.site)};
  verdict.key = timeline_.key_text(waiting.site, waiting.event->key);
  verdict.expected_group = describe(group);
  verdict.actual_group = verdict.expected_group;
  verdict.absent = waited_for(timeline_, waiting);
  verdict.culprit_ranks = verdict.absent;
  verdict.confidence = Confidence::kLikely;
  const bool is_shorter = timeline_.contract(waiting.site)->members == ContractMembers::kPerKey &&
                          std::ranges::all_of(verdict.absent, [&](Rank rank) {
                            return timeline_.ended_round_sooner(rank, waiting);
                          });
  if (is_shorter) {
    // Which loop was right, only a decision can say.
    verdict.verdict = VerdictClass::kCallCount;
    finding.lacking = verdict.absent;
    verdict.culprit_ranks = group.members;
    std::ranges::sort(verdict.culprit_ranks);
    verdict.is_ambiguous = true;
    verdict.what_would_help = "the decision that ends the loop, recorded";
  }
  if (verdict.verdict == VerdictClass::kGroupNotInitialised) {
    std::vector<Rank> entered = group.members;
    std::erase_if(entered, [&](Rank rank) {
      return std::ranges::find(verdict.absent, rank) != verdict.absent.end();
    });
    verdict.actual_group = describe_ranks(entered) + " entered";
  }
  verdict.evidence.push_back(fmt::format("rank {} waits in {} on {}, rank {} in {} on {}",
                                         waiting.rank,
                                         verdict.sites.front(),
                                         describe(group),
                                         other.rank,
                                         timeline_.site_name(other.site),
                                         describe(timeline_.groups()[other.group].spec)));
  verdict.advice =
      fmt::format("call {} on every rank, with a neutral value where there is nothing to say",
                  verdict.sites.front());
  return finding;
}

std::string half_text(const Entry& entry) {
  return entry.call->kind == CallKind::kSend ? "send" : "recv";
}

// The first kind of call that the rank makes on the group in a step.
std::optional<CallKind> first_kind(const Timeline& timeline,
                                   Rank rank,
                                   std::uint32_t group,
                                   std::uint64_t step) {
  for (const Entry& entry : timeline.calls(rank)) {
    if (entry.group == group && entry.event->step == step) return entry.call->kind;
  }
  return std::nullopt;
}

// Those of a circle of sends and receives whose earlier steps, or whose twin in another group of
// the same name, began with the other half.
std::vector<Rank> RootSearch::deviating(const std::vector<Entry>& circle) const {
  std::vector<Rank> ranks;
  for (const Entry& entry : circle) {
    const RecordedGroup& group = timeline_.groups()[entry.group].spec;
    const auto index = std::ranges::find(group.members, entry.rank) - group.members.begin();
    std::optional<CallKind> usual;
    if (entry.event->step > 0) {
      usual = first_kind(timeline_, entry.rank, entry.group, entry.event->step - 1);
    }
    for (std::uint32_t id = 0; !usual && id < timeline_.groups().size(); ++id) {
      const RecordedGroup& twin = timeline_.groups()[id].spec;
      if (id == entry.group || twin.name != group.name) continue;
      if (twin.members.size() != group.members.size()) continue;
      usual = first_kind(
          timeline_, twin.members[static_cast<std::size_t>(index)], id, entry.event->step);
    }
    const std::optional<CallKind> now =
        first_kind(timeline_, entry.rank, entry.group, entry.event->step);
    if (usual && now != usual) add_ranks(ranks, std::array{entry.rank});
  }
  return ranks;
}

Finding RootSearch::inversion(const std::vector<Entry>& circle) const {
  Finding finding;
  finding.step = circle.front().event->step;
  finding.site = circle.front().site;
  Verdict& verdict = finding.verdict;
  verdict.verdict = VerdictClass::kOrderInversion;
  verdict.hang = true;
  std::vector<std::string> orders;
  for (const Entry& entry : circle) {
    add_ranks(finding.ranks, std::array{entry.rank});
    finding.groups.insert(entry.group);
    finding.step = std::min(finding.step, entry.event->step);
    const std::string at =
        is_point_to_point(entry) ? half_text(entry) : timeline_.site_name(entry.site);
    orders.push_back(fmt::format(
        "R{}: {} on {}", entry.rank, at, describe(timeline_.groups()[entry.group].spec)));
  }
  std::ranges::sort(orders);
  verdict.sites = {timeline_.site_name(circle.front().site)};
  verdict.key = timeline_.key_text(circle.front().site, circle.front().event->key);
  verdict.actual_group = fmt::format("{}", fmt::join(orders, ", "));
  verdict.expected_group = "one order on every rank";
  verdict.culprit_ranks = deviating(circle);
  if (verdict.culprit_ranks.empty()) {
    verdict.culprit_ranks = finding.ranks;
    verdict.is_ambiguous = true;
    verdict.what_would_help = "a contract for the sites, a healthy step before, or a twin";
  } else if (is_point_to_point(circle.front())) {
    const Entry& odd = *std::ranges::find(circle, verdict.culprit_ranks.front(), &Entry::rank);
    const bool is_receiving = odd.call->kind == CallKind::kRecv;
    verdict.expected_group = is_receiving ? "send then recv" : "recv then send";
    verdict.actual_group = fmt::format("R{}: {}",
                                       fmt::join(verdict.culprit_ranks, ","),
                                       is_receiving ? "recv then send" : "send then recv");
    verdict.sites = {timeline_.site_name(odd.site)};
  }
  verdict.evidence.push_back(fmt::format("a circle: {}", fmt::join(orders, ", ")));
  verdict.advice = "make these calls in one order on every rank";
  return finding;
}

}  // namespace

std::vector<Finding> find_absences(const Timeline& timeline,
                                   const std::set<std::uint32_t>& explained) {
  return RootSearch{timeline, explained}.run();
}

}  // namespace radixbench

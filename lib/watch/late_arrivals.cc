#include "watch/finding.h"
#include "watch/waiting.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace radixbench {
namespace {

using Entry = Timeline::Entry;
using Group = Timeline::Group;

struct Arrival {
  std::int64_t waited_ns = 0;
  const Entry* entry = nullptr;
};

// What the rank was recorded to do between its call before and this one.
const RecordedEvent* activity_before(const Recording& own, const Entry& entry) {
  for (std::uint32_t position = entry.position; position-- > 0;) {
    const RecordedEvent& event = own.events[position];
    if (event.thread != entry.thread) continue;
    if (std::holds_alternative<RecordedActivity>(event.what)) return &event;
    if (std::holds_alternative<RecordedCall>(event.what)) return nullptr;
  }
  return nullptr;
}

Finding late_finding(const Timeline& timeline,
                     const Group& group,
                     const Arrival& last,
                     std::int64_t waited_ns,
                     const RecordedEvent* activity) {
  const Entry& entry = *last.entry;
  Finding finding;
  finding.step = entry.event->step;
  finding.site = entry.site;
  finding.ranks = {entry.rank};
  Verdict& verdict = finding.verdict;
  verdict.verdict = VerdictClass::kLateHost;
  verdict.culprit_ranks = {entry.rank};
  verdict.sites = {timeline.site_name(entry.site)};
  verdict.key = timeline.key_text(entry.site, entry.event->key);
  verdict.expected_group = describe(group.spec);
  verdict.actual_group = verdict.expected_group;
  const Recording& own = *timeline.recording(entry.rank);
  verdict.evidence.push_back(
      fmt::format("the others waited {:.3g} s for rank {}{}; the call then completed",
                  static_cast<double>(waited_ns) / 1e9,
                  entry.rank,
                  activity == nullptr ? "" : ", which was in " + site_or_thread(own, *activity)));
  verdict.advice = "nothing is mismatched: find out why that rank is slow";
  return finding;
}

}  // namespace

std::vector<Finding> find_transport_stalls(const Timeline& timeline) {
  std::vector<Finding> findings;
  for (std::uint32_t id = 0; id < timeline.groups().size(); ++id) {
    const Group& group = timeline.groups()[id];
    const bool have_all_come = std::ranges::all_of(group.lanes, [&](const auto& lane) {
      return !lane.empty() && lane.back().is_stuck() && !group.lanes.front().empty() &&
             lane.back().call->sequence == group.lanes.front().back().call->sequence;
    });
    if (!have_all_come || group.lanes.empty()) continue;
    const Entry& entry = group.lanes.front().back();
    Finding finding;
    finding.step = entry.event->step;
    finding.site = entry.site;
    finding.ranks = group.spec.members;
    finding.verdict.verdict = VerdictClass::kTransport;
    finding.verdict.hang = true;
    finding.verdict.culprit_ranks = group.spec.members;
    std::ranges::sort(finding.verdict.culprit_ranks);
    finding.verdict.sites = {timeline.site_name(entry.site)};
    finding.verdict.key = timeline.key_text(entry.site, entry.event->key);
    finding.verdict.expected_group = describe(group.spec);
    finding.verdict.actual_group = finding.verdict.expected_group;
    finding.verdict.evidence.push_back(
        fmt::format("all members of {} are in call #{}, none left it",
                    describe(group.spec),
                    entry.call->sequence));
    finding.verdict.advice = "the calls match: look at the network, the device or the library";
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> find_late_arrivals(const Timeline& timeline) {
  const std::int64_t late_after_ns = timeline.options().late_after_ns;
  std::map<std::pair<Rank, Timeline::SiteId>, Finding> findings;
  for (const Group& group : timeline.groups()) {
    std::map<std::uint64_t, std::vector<Arrival>> calls;
    for (const std::vector<Entry>& lane : group.lanes) {
      for (const Entry& entry : lane) {
        if (entry.is_stuck()) continue;
        calls[entry.call->sequence].push_back(
            {.waited_ns = entry.event->exit_ns - entry.event->enter_ns, .entry = &entry});
      }
    }
    for (const auto& [sequence, arrivals] : calls) {
      if (arrivals.size() < 2 || arrivals.size() != group.spec.members.size()) continue;
      // Each rank's own wait, by its own clock: whoever came last waited least.
      const auto [least, most] = std::ranges::minmax_element(arrivals, {}, &Arrival::waited_ns);
      const std::int64_t waited_ns = most->waited_ns - least->waited_ns;
      if (waited_ns < late_after_ns) continue;
      const RecordedEvent* activity =
          activity_before(*timeline.recording(least->entry->rank), *least->entry);
      // On a busy machine a rank may be put aside for long; that is not the rank's doing.
      const bool is_known =
          activity != nullptr && activity->exit_ns - activity->enter_ns > waited_ns / 2;
      if (!is_known && waited_ns < 10 * late_after_ns) continue;
      findings.try_emplace({least->entry->rank, least->entry->site},
                           late_finding(timeline, group, *least, waited_ns, activity));
    }
  }
  std::vector<Finding> late;
  late.reserve(findings.size());
  for (auto& [key, finding] : findings) late.push_back(std::move(finding));
  return late;
}

}  // namespace radixbench

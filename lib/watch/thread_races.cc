#include "watch/call_place.h"
#include "watch/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <utility>

namespace radixbench {

void find_thread_races(const Timeline& timeline,
                       std::vector<Finding>& findings,
                       std::vector<Finding>& warnings) {
  for (std::uint32_t id = 0; id < timeline.groups().size(); ++id) {
    const Timeline::Group& group = timeline.groups()[id];
    const std::vector<Rank> sharing = sharing_ranks(timeline, group);
    if (sharing.empty()) continue;
    const std::optional<CallPlace> place = first_difference(timeline, id);
    Finding finding;
    finding.ranks = group.spec.members;
    finding.groups = {id};
    std::set<std::string> sites;
    std::set<std::string> threads;
    for (const std::vector<Timeline::Entry>& lane : group.lanes) {
      for (const Timeline::Entry& entry : lane) threads.insert(thread_name(timeline, entry));
      if (place) continue;
      for (const Timeline::Entry& entry : lane) sites.insert(timeline.site_name(entry.site));
    }
    if (place) {
      finding.step = place->step();
      finding.verdict.evidence.push_back(sides_text(timeline, *place));
      for (const Timeline::Entry* entry : place->entries)
        sites.insert(timeline.site_name(entry->site));
    }
    finding.verdict.verdict = VerdictClass::kThreadRace;
    finding.verdict.hang = is_anyone_stuck(group);
    finding.verdict.culprit_ranks = sharing;
    finding.verdict.sites = {sites.begin(), sites.end()};
    finding.verdict.expected_group = "one owner thread per group";
    finding.verdict.actual_group =
        fmt::format("{} used by {} threads", describe(group.spec), threads.size());
    finding.verdict.evidence.push_back(fmt::format("threads: {}", fmt::join(threads, ", ")));
    finding.verdict.advice = "give each thread a group of its own, with the same members";
    (place ? findings : warnings).push_back(std::move(finding));
  }
}

}  // namespace radixbench

#pragma once

#include "watch/timeline.h"
#include "watch/verdict.h"

#include <cstdint>
#include <set>
#include <vector>

namespace radixbench {

// A verdict before it is known whether it is a cause or a consequence.
struct Finding {
  Verdict verdict;
  std::uint64_t step = 0;          // in which it shows first
  std::vector<Rank> ranks;         // whom it reaches: culprits and those who meet them
  std::set<std::uint32_t> groups;  // Timeline::groups whose later calls it explains
  Timeline::SiteId site = 0;
  std::vector<Rank> lacking;             // of call_count: whose calls ended sooner
  std::vector<std::vector<Rank>> sides;  // of a decision: who decided alike
};

// Adds `more` to `ranks`, which stay sorted and without repetition.
void add_ranks(std::vector<Rank>& ranks, std::span<const Rank> more);
[[nodiscard]] bool overlap(std::span<const Rank> left, std::span<const Rank> right);

// Calls that went to another group than their site's contract asks for, and questions whose groups
// were asked in an order of their own. Needs a layout; what these find needs no hang.
std::vector<Finding> find_wrong_groups(const Timeline& timeline);

// Per group, the first place where its members' calls are not the same.
std::vector<Finding> find_misaligned_calls(const Timeline& timeline);

// Groups that two threads of one rank use. `findings`: where that made their calls differ;
// `warnings`: where it has not.
void find_thread_races(const Timeline& timeline,
                       std::vector<Finding>& findings,
                       std::vector<Finding>& warnings);

// Creations that differ between ranks, or that a member never came to.
std::vector<Finding> find_group_creations(const Timeline& timeline);
// Groups whose timeout outlives the watchdog.
std::vector<Finding> find_timeouts(const Timeline& timeline);

// Why those who wait wait: ranks and threads that are gone, late or stopped, circles of ranks that
// wait for each other. Calls on groups of `explained` are somebody else's. Not for ranks that still
// run.
std::vector<Finding> find_absences(const Timeline& timeline,
                                   const std::set<std::uint32_t>& explained);
// Groups whose members have all come to a call that none left. Means something only where nothing
// else was found.
std::vector<Finding> find_transport_stalls(const Timeline& timeline);
// Calls that all came to, one of them long after the others.
std::vector<Finding> find_late_arrivals(const Timeline& timeline);
// Who waits for whom, whatever the reason.
std::vector<WaitsFor> find_waits(const Timeline& timeline);

// The groups that a question of `rank` at the site is meant for: axes{ranks}; empty where no
// contract or no layout says so.
std::string meant_group(const Timeline& timeline, Timeline::SiteId site, Rank rank);

// Decisions about the same thing that came out differently, the earliest first.
std::vector<Finding> find_decisions(const Timeline& timeline);

}  // namespace radixbench

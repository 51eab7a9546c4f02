#pragma once

#include "watch/timeline.h"

#include <string>
#include <vector>

namespace radixbench {

bool is_point_to_point(const Timeline::Entry& entry);

// The last call of each of the rank's threads, where it did not come out of it.
std::vector<Timeline::Entry> stuck_calls(const Timeline& timeline, Rank rank);

// Members of the group of a stuck call that have not come to it, or the peer of a send or receive
// that has not made its half.
std::vector<Rank> waited_for(const Timeline& timeline, const Timeline::Entry& entry);

// The site of an event, or where it has none its thread's name.
std::string site_or_thread(const Recording& own, const RecordedEvent& event);

}  // namespace radixbench

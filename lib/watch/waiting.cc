#include "watch/waiting.h"

#include "watch/finding.h"

#include <algorithm>
#include <array>
#include <map>

namespace radixbench {
namespace {

// The other end of a send or receive has not made its half.
bool lacks_half(const Timeline& timeline, const Timeline::Entry& entry, Rank peer) {
  const CallKind other = entry.call->kind == CallKind::kSend ? CallKind::kRecv : CallKind::kSend;
  const std::vector<Rank>& members = timeline.groups()[entry.group].spec.members;
  return std::ranges::none_of(timeline.calls(peer), [&](const Timeline::Entry& half) {
    return half.group == entry.group && half.call->kind == other &&
           half.call->sequence == entry.call->sequence && half.call->root < members.size() &&
           members[half.call->root] == entry.rank;
  });
}

// Members that came to the call with one of another kind: the two never meet.
std::vector<Rank> came_otherwise(const Timeline& timeline, const Timeline::Entry& entry) {
  std::vector<Rank> others;
  for (const std::vector<Timeline::Entry>& lane : timeline.groups()[entry.group].lanes) {
    for (const Timeline::Entry& other : lane) {
      const bool is_same_place = other.call->sequence == entry.call->sequence;
      if (is_same_place && other.call->kind != entry.call->kind) {
        add_ranks(others, std::array{other.rank});
      }
    }
  }
  return others;
}

}  // namespace

bool is_point_to_point(const Timeline::Entry& entry) {
  return entry.call->kind == CallKind::kSend || entry.call->kind == CallKind::kRecv;
}

std::vector<Timeline::Entry> stuck_calls(const Timeline& timeline, Rank rank) {
  std::map<std::uint32_t, Timeline::Entry> last;
  for (const Timeline::Entry& entry : timeline.calls(rank)) last[entry.thread] = entry;
  std::vector<Timeline::Entry> stuck;
  for (const auto& [thread, entry] : last) {
    if (entry.is_stuck()) stuck.push_back(entry);
  }
  return stuck;
}

std::vector<Rank> waited_for(const Timeline& timeline, const Timeline::Entry& entry) {
  const Timeline::Group& group = timeline.groups()[entry.group];
  const std::vector<Rank>& members = group.spec.members;
  std::vector<Rank> absent;
  if (is_point_to_point(entry)) {
    if (entry.call->root >= members.size()) return absent;
    const Rank peer = members[entry.call->root];
    if (lacks_half(timeline, entry, peer)) absent.push_back(peer);
    return absent;
  }
  for (std::size_t index = 0; index < members.size(); ++index) {
    const std::vector<Timeline::Entry>& lane = group.lanes[index];
    const bool has_come = !lane.empty() && lane.back().call->sequence >= entry.call->sequence;
    if (!has_come) absent.push_back(members[index]);
  }
  add_ranks(absent, {});
  return absent;
}

std::string site_or_thread(const Recording& own, const RecordedEvent& event) {
  return event.site != 0 ? own.sites[event.site] : own.threads[event.thread];
}

std::vector<WaitsFor> find_waits(const Timeline& timeline) {
  std::vector<WaitsFor> waits;
  for (const Recording* recording : timeline.recordings()) {
    for (const Timeline::Entry& entry : stuck_calls(timeline, recording->rank)) {
      waits.push_back({.rank = recording->rank,
                       .thread = recording->threads[entry.thread],
                       .site = timeline.site_name(entry.site),
                       .key = timeline.key_text(entry.site, entry.event->key),
                       .group = describe(timeline.groups()[entry.group].spec),
                       .sequence = entry.call->sequence,
                       .on = waited_for(timeline, entry)});
      if (!is_point_to_point(entry)) add_ranks(waits.back().on, came_otherwise(timeline, entry));
    }
  }
  return waits;
}

}  // namespace radixbench

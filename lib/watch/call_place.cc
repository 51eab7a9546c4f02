#include "watch/call_place.h"

#include "watch/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

namespace radixbench {
namespace {

using Entry = Timeline::Entry;
using Group = Timeline::Group;

const Entry* at_sequence(const std::vector<Entry>& lane, std::uint64_t sequence) {
  const auto found = std::ranges::lower_bound(
      lane, sequence, {}, [](const Entry& entry) { return entry.call->sequence; });
  return found == lane.end() || found->call->sequence != sequence ? nullptr : &*found;
}

bool is_same_signature(const Entry& left, const Entry& right) {
  return identity(left) == identity(right) && left.call->kind == right.call->kind &&
         left.call->op == right.call->op && left.call->type == right.call->type &&
         left.call->root == right.call->root &&
         left.call->element_count == right.call->element_count;
}

// Where all rings still hold the group's calls; what is before was overwritten on somebody.
std::uint64_t first_held(const Timeline& timeline, const Group& group) {
  std::uint64_t first = 0;
  for (std::size_t index = 0; index < group.lanes.size(); ++index) {
    const std::vector<Entry>& lane = group.lanes[index];
    const Recording* own = timeline.recording(group.spec.members[index]);
    if (!lane.empty() && own->lost_count > 0) first = std::max(first, lane.front().call->sequence);
  }
  return first;
}

// Places where a member has a call, in order; in a damaged file they may be any distance apart.
std::vector<std::uint64_t> held_sequences(const Timeline& timeline, const Group& group) {
  const std::uint64_t first = first_held(timeline, group);
  std::vector<std::uint64_t> sequences;
  for (const std::vector<Entry>& lane : group.lanes) {
    sequences.reserve(sequences.size() + lane.size());
    for (const Entry& entry : lane) {
      if (entry.call->sequence >= first) sequences.push_back(entry.call->sequence);
    }
  }
  std::ranges::sort(sequences);
  sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
  return sequences;
}

std::string call_text(const Timeline& timeline, const Entry& entry) {
  const std::string key = timeline.key_text(entry.site, entry.event->key);
  return fmt::format("{}{}{} ({} {})",
                     timeline.site_name(entry.site),
                     key.empty() ? "" : " ",
                     key,
                     describe(entry.call->kind, entry.call->op),
                     describe_shape(*entry.call));
}

}  // namespace

std::uint64_t CallPlace::step() const {
  std::uint64_t step = ~std::uint64_t{0};
  for (const Entry* entry : entries) step = std::min(step, entry->event->step);
  return step;
}

std::pair<Timeline::SiteId, std::uint64_t> identity(const Entry& entry) {
  return {entry.site, entry.event->key};
}

std::optional<CallPlace> first_difference(const Timeline& timeline, std::uint32_t group_id) {
  const Group& group = timeline.groups()[group_id];
  for (const std::uint64_t sequence : held_sequences(timeline, group)) {
    CallPlace place{.group = &group, .group_id = group_id, .sequence = sequence, .entries = {}};
    bool is_same = true;
    for (const std::vector<Entry>& lane : group.lanes) {
      const Entry* entry = at_sequence(lane, sequence);
      if (entry == nullptr) continue;
      is_same =
          is_same && (place.entries.empty() || is_same_signature(*place.entries.front(), *entry));
      place.entries.push_back(entry);
    }
    if (!is_same) return place;
  }
  return std::nullopt;
}

std::vector<Rank> ranks_of(std::span<const Entry* const> entries) {
  std::vector<Rank> ranks;
  for (const Entry* entry : entries) add_ranks(ranks, std::array{entry->rank});
  return ranks;
}

bool is_anyone_stuck(const Group& group) {
  return std::ranges::any_of(group.lanes, [](const std::vector<Entry>& lane) {
    return !lane.empty() && lane.back().is_stuck();
  });
}

std::string sides_text(const Timeline& timeline, const CallPlace& place) {
  std::map<std::string, std::vector<Rank>> sides;
  for (const Entry* entry : place.entries) {
    add_ranks(sides[call_text(timeline, *entry)], std::array{entry->rank});
  }
  std::vector<std::string> parts;
  parts.reserve(sides.size());
  for (const auto& [text, ranks] : sides) {
    parts.push_back(fmt::format("{}: {}", describe_ranks(ranks), text));
  }
  return fmt::format(
      "{} #{}: {}", describe(place.group->spec), place.sequence, fmt::join(parts, "; "));
}

const std::string& thread_name(const Timeline& timeline, const Entry& entry) {
  return timeline.recording(entry.rank)->threads[entry.thread];
}

std::vector<Rank> sharing_ranks(const Timeline& timeline, const Group& group) {
  std::vector<Rank> sharing;
  for (const std::vector<Entry>& lane : group.lanes) {
    const bool is_shared = std::ranges::any_of(lane, [&](const Entry& entry) {
      return thread_name(timeline, entry) != thread_name(timeline, lane.front());
    });
    if (is_shared) add_ranks(sharing, std::array{lane.front().rank});
  }
  return sharing;
}

}  // namespace radixbench

#include "watch/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace radixbench {
namespace {

// By position among the events: in how many places up to it events are missing.
std::vector<std::uint32_t> gaps_before(const Recording& recording) {
  std::vector<std::uint32_t> gaps;
  gaps.reserve(recording.events.size());
  std::uint64_t expected = 0;
  std::uint32_t count = 0;
  for (const RecordedEvent& event : recording.events) {
    if (event.number != expected) ++count;
    expected = event.number + 1;
    gaps.push_back(count);
  }
  return gaps;
}

bool is_collective(const RecordedCall& call) {
  return call.kind != CallKind::kSend && call.kind != CallKind::kRecv;
}

}  // namespace

std::string describe_ranks(std::span<const Rank> ranks) {
  return fmt::format("{{{}}}", fmt::join(ranks, ","));
}

std::string describe(const RecordedGroup& group) {
  return group.name + describe_ranks(group.members);
}

std::string describe(CallKind kind, ReduceOp op) {
  if (kind != CallKind::kAllReduce) return std::string{to_string(kind)};
  return fmt::format("{}:{}", to_string(kind), to_string(op));
}

std::string describe_shape(const RecordedCall& call) {
  return fmt::format(
      "{}[{}]", call.type == ElementType::kInt64 ? "i64" : "i32", call.element_count);
}

Timeline::Timeline(std::span<const Recording> recordings, const DiagnoseOptions& options)
    : options_{options} {
  intern("none");
  for (const Recording& recording : recordings) {
    if (recording.kind == RecordingKind::kRing) recordings_.push_back(&recording);
  }
  std::ranges::sort(recordings_, {}, &Recording::rank);
  const auto is_same_rank = [](const Recording* left, const Recording* right) {
    return left->rank == right->rank;
  };
  recordings_.erase(std::unique(recordings_.begin(), recordings_.end(), is_same_rank),
                    recordings_.end());
  if (options.layout != nullptr) world_size_ = options.layout->world_size();
  for (const Recording* recording : recordings_) {
    world_size_ = std::max(world_size_, recording->rank + 1);
    for (const RecordedGroup& group : recording->groups) {
      for (const Rank member : group.members) world_size_ = std::max(world_size_, member + 1);
    }
    add_sites(*recording);
  }
  for (const Recording* recording : recordings_) add_calls(*recording);
  for (Group& group : groups_) {
    for (std::vector<Entry>& lane : group.lanes) {
      std::ranges::sort(lane, {}, [](const Entry& entry) { return entry.call->sequence; });
    }
  }
}

const Recording* Timeline::recording(Rank rank) const {
  const auto found = std::ranges::lower_bound(recordings_, rank, {}, &Recording::rank);
  return found == recordings_.end() || (*found)->rank != rank ? nullptr : *found;
}

std::vector<Rank> Timeline::missing() const {
  std::vector<Rank> missing;
  for (Rank rank = 0; rank < world_size_; ++rank) {
    if (recording(rank) == nullptr) missing.push_back(rank);
  }
  return missing;
}

const std::vector<Timeline::Entry>& Timeline::calls(Rank rank) const {
  static const std::vector<Entry> nothing;
  const auto found = calls_.find(rank);
  return found == calls_.end() ? nothing : found->second;
}

std::vector<Timeline::Instance> Timeline::instances(Rank rank) const {
  std::vector<Instance> instances;
  std::map<std::uint32_t, std::size_t> open;          // thread -> position in instances
  std::map<std::uint32_t, std::uint32_t> last_event;  // thread -> gaps before its last event
  const Recording* own = recording(rank);
  if (own == nullptr) return instances;
  const std::vector<std::uint32_t> gaps = gaps_before(*own);
  std::size_t next_call = 0;
  const std::vector<Entry>& calls = this->calls(rank);
  for (std::uint32_t position = 0; position < own->events.size(); ++position) {
    const RecordedEvent& event = own->events[position];
    const auto current = open.find(event.thread);
    Instance* const before = current == open.end() ? nullptr : &instances[current->second];
    const bool follows_gap = last_event[event.thread] != gaps[position];
    last_event[event.thread] = gaps[position];
    if (before != nullptr && !before->is_over && follows_gap) before->is_whole = false;
    if (next_call == calls.size() || calls[next_call].position != position) {
      if (before != nullptr) before->is_over = true;
      continue;
    }
    const Entry& entry = calls[next_call++];
    // A group that is asked twice is asked two questions.
    const bool goes_on =
        before != nullptr && !before->is_over && before->site == entry.site &&
        before->hops.front().event->key == event.key &&
        (!is_stepping(rank, event.thread) || before->hops.front().event->step == event.step) &&
        std::ranges::find(before->hops, entry.group, &Entry::group) == before->hops.end();
    if (goes_on) {
      before->hops.push_back(entry);
      continue;
    }
    if (before != nullptr) before->is_over = true;
    open[event.thread] = instances.size();
    instances.push_back({.rank = rank,
                         .site = entry.site,
                         .thread = event.thread,
                         .hops = {entry},
                         .is_over = false,
                         .is_whole = !follows_gap});
  }
  if (own->fate == RankFate::kEnded) {
    for (const auto& [thread, position] : open) {
      const Instance& last = instances[position];
      if (!last.hops.back().is_stuck()) instances[position].is_over = true;
    }
  }
  return instances;
}

Timeline::SiteId Timeline::site_of(const Recording& recording, const RecordedEvent& event) const {
  return sites_of_rank_.at(recording.rank)[event.site];
}

std::string Timeline::key_text(SiteId site, std::uint64_t key) const {
  if (key == 0 && (contracts_[site] == nullptr || contracts_[site]->key_name.empty())) return {};
  if (contracts_[site] == nullptr || contracts_[site]->key_name.empty()) return std::to_string(key);
  return fmt::format("{}:{}", contracts_[site]->key_name, key);
}

bool Timeline::is_stepping(Rank rank, std::uint32_t thread) const {
  return stepping_.contains({rank, thread});
}

std::optional<bool> Timeline::comes_before(SiteId first, SiteId second, std::uint64_t step) const {
  bool is_before = false;
  bool is_after = false;
  for (const auto& [rank, calls] : calls_) {
    std::uint64_t current = 0;
    SiteId seen = 0;  // the one of the two that the current step showed first
    for (const Entry& entry : calls) {
      if (entry.site != first && entry.site != second) continue;
      if (!is_stepping(rank, entry.thread) || entry.event->step >= step) continue;
      if (entry.event->step != current) seen = 0;
      current = entry.event->step;
      if (seen == 0) {
        seen = entry.site;
      } else if (seen != entry.site) {
        (seen == first ? is_before : is_after) = true;
      }
    }
  }
  if (is_before == is_after) return std::nullopt;
  return is_before;
}

const RecordedCall* Timeline::earlier_call(SiteId site, std::uint64_t step) const {
  const Entry* latest = nullptr;
  for (const auto& [rank, calls] : calls_) {
    for (const Entry& entry : calls) {
      if (entry.site != site || entry.is_stuck() || entry.event->step >= step) continue;
      if (latest == nullptr || entry.event->step > latest->event->step) latest = &entry;
    }
  }
  return latest == nullptr ? nullptr : latest->call;
}

std::vector<std::uint64_t> Timeline::keys_in_step(Rank rank, const Entry& like) const {
  std::vector<std::uint64_t> keys;
  for (const std::vector<Entry>& lane : groups_[like.group].lanes) {
    if (lane.empty() || lane.front().rank != rank) continue;
    for (const Entry& entry : lane) {
      if (entry.site == like.site && entry.event->step == like.event->step) {
        keys.push_back(entry.event->key);
      }
    }
  }
  return keys;
}

bool Timeline::ended_round_sooner(Rank rank, const Entry& like) const {
  const std::vector<std::uint64_t> head = keys_in_step(rank, like);
  const std::vector<std::uint64_t> whole = keys_in_step(like.rank, like);
  return !head.empty() && head.size() < whole.size() &&
         std::equal(head.begin(), head.end(), whole.begin());
}

std::set<std::uint64_t> Timeline::damaged_steps(const Recording& recording) {
  std::set<std::uint64_t> steps;
  const std::vector<std::uint32_t> gaps = gaps_before(recording);
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const bool is_gap = gaps[i] != (i == 0 ? 0 : gaps[i - 1]);
    if (!is_gap) continue;
    steps.insert(recording.events[i].step);
    if (i > 0) steps.insert(recording.events[i - 1].step);
  }
  return steps;
}

std::vector<Rank> Timeline::replica(Rank rank) const {
  if (options_.layout != nullptr && rank < options_.layout->world_size()) {
    return options_.layout->replica(rank);
  }
  std::vector<Rank> everyone(world_size_);
  std::iota(everyone.begin(), everyone.end(), Rank{0});
  return everyone;
}

void Timeline::add_sites(const Recording& recording) {
  std::vector<SiteId>& ids = sites_of_rank_[recording.rank];
  ids.reserve(recording.sites.size());
  for (const std::string& name : recording.sites) ids.push_back(intern(name));
}

void Timeline::add_calls(const Recording& recording) {
  std::vector<Entry>& calls = calls_[recording.rank];
  for (std::uint32_t position = 0; position < recording.events.size(); ++position) {
    const RecordedEvent& event = recording.events[position];
    const auto* call = std::get_if<RecordedCall>(&event.what);
    if (call == nullptr) continue;
    const std::uint32_t group = intern_group(recording.groups[call->group]);
    calls.push_back({.rank = recording.rank,
                     .site = site_of(recording, event),
                     .group = group,
                     .thread = event.thread,
                     .position = position,
                     .event = &event,
                     .call = call});
    const Contract* asked = contracts_[calls.back().site];
    if (asked != nullptr && asked->members == ContractMembers::kEveryStep) {
      stepping_.insert({recording.rank, event.thread});
    }
    const std::vector<Rank>& members = groups_[group].spec.members;
    const auto own = std::ranges::find(members, recording.rank);
    if (own == members.end() || !is_collective(*call)) continue;
    groups_[group].lanes[static_cast<std::size_t>(own - members.begin())].push_back(calls.back());
  }
}

Timeline::SiteId Timeline::intern(const std::string& name) {
  const auto [found, is_new] = site_ids_.try_emplace(name, static_cast<SiteId>(site_names_.size()));
  if (is_new) {
    site_names_.push_back(name);
    contracts_.push_back(find_contract(options_.contracts, name));
  }
  return found->second;
}

std::uint32_t Timeline::intern_group(const RecordedGroup& spec) {
  const auto [found, is_new] = group_ids_.try_emplace({spec.ordinal, spec.name, spec.members},
                                                      static_cast<std::uint32_t>(groups_.size()));
  if (is_new) {
    groups_.push_back({.spec = spec, .lanes = {}});
    groups_.back().lanes.resize(spec.members.size());
  }
  return found->second;
}

}  // namespace radixbench

#include "watch/call_history.h"

#include "watch/telling_frames.h"
#include "watch/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace radixbench {
namespace {

bool tells_places(const RankHistory& history) {
  return std::ranges::any_of(history.calls, [](const HistoryCall& call) { return call.site != 0; });
}

}  // namespace

std::string describe(const HistoryGroup& group) {
  std::vector<Rank> members = group.members.empty() ? group.users : group.members;
  std::ranges::sort(members);
  return group.name + describe_ranks(members);
}

void CallHistories::add(const Recording& recording) {
  if (signatures_.empty()) {
    signature_number({});
    site_number({});
  }
  not_visible_.insert(recording.not_visible.begin(), recording.not_visible.end());
  RankHistory history = compact(recording);
  const auto known = std::ranges::find(ranks_, recording.rank, &RankHistory::rank);
  if (known == ranks_.end()) {
    ranks_.push_back(std::move(history));
    return;
  }
  const auto weight = [](const RankHistory& one) {
    return std::pair{tells_places(one), one.calls.size()};
  };
  const bool is_better = weight(history) > weight(*known);
  if (duplicates_++ == 0) {
    duplicate_note_ = fmt::format("{} is taken for rank {}, {} left aside",
                                  is_better ? history.source : known->source,
                                  recording.rank,
                                  is_better ? known->source : history.source);
  }
  if (is_better) *known = std::move(history);
}

RankHistory CallHistories::compact(const Recording& recording) {
  std::vector<std::uint32_t> groups;
  groups.reserve(recording.groups.size());
  RankHistory history;
  for (const RecordedGroup& group : recording.groups) {
    // The default group without a name that gloo lists is nobody's.
    groups.push_back(group_number(group));
    if (group.label.empty() && group.members.empty()) continue;
    history.groups.push_back(groups.back());
    if (group.slot) history.slots[*group.slot] = groups.back();
  }
  std::vector<std::uint32_t> signatures;
  for (const RecordedSignature& one : recording.signatures) {
    signatures.push_back(signature_number(one));
  }
  std::vector<std::uint32_t> sites;
  for (std::size_t site = 0; site < recording.sites.size(); ++site) {
    sites.push_back(site < recording.stacks.size() ? site_number(recording.stacks[site]) : 0);
  }
  history.rank = recording.rank;
  history.source = recording.source;
  history.threads = recording.threads;
  history.progress = recording.progress;
  history.idle_ns = recording.idle_ns;
  history.lost_count = recording.lost_count;
  history.holds_only_unfinished = recording.holds_only_unfinished;
  history.tells_completion = recording.tells_completion;
  std::int64_t latest_ns = 0;
  for (const RecordedEvent& event : recording.events) {
    const auto* call = std::get_if<RecordedCall>(&event.what);
    if (call == nullptr) continue;
    history.calls.push_back({.sequence = call->sequence,
                             .group = groups[call->group],
                             .token = 0,
                             .signature = signatures[call->signature],
                             .site = sites[event.site],
                             .peer = call->root,
                             .thread = static_cast<std::uint16_t>(event.thread),
                             .state = event.state,
                             .kind = call->kind});
    latest_ns = std::max(latest_ns, event.enter_ns);
    if (event.enter_ns > recording.read_ns - kActiveWithinNs) {
      history.active_threads.insert(history.calls.back().thread);
    }
  }
  // A file that is older than what is in it has its time from elsewhere.
  if (recording.read_ns < latest_ns || recording.read_ns < kActiveWithinNs) {
    history.active_threads.clear();
  }
  history.calls.shrink_to_fit();
  return history;
}

std::uint32_t CallHistories::group_number(const RecordedGroup& group) {
  const auto [found, is_new] = group_numbers_.try_emplace(
      {group.label, group.name, group.members}, static_cast<std::uint32_t>(groups_.size()));
  if (is_new) {
    HistoryGroup& made = groups_.emplace_back();
    made.name = group.name;
    made.label = group.label;
    made.members = group.members;
    made.is_described = group.name != group.label;
  }
  return found->second;
}

std::uint32_t CallHistories::signature_number(const RecordedSignature& signature) {
  const auto [found, is_new] =
      signature_numbers_.try_emplace(signature, static_cast<std::uint32_t>(signatures_.size()));
  if (is_new) signatures_.push_back(&found->first);
  return found->second;
}

std::uint32_t CallHistories::site_number(const std::vector<RecordedFrame>& stack) {
  const auto [found, is_new] =
      site_numbers_.try_emplace(stack, static_cast<std::uint32_t>(stacks_.size()));
  if (is_new) stacks_.push_back(&found->first);
  return found->second;
}

void CallHistories::finish(const Layout* layout) {
  std::ranges::sort(ranks_, {}, &RankHistory::rank);
  if (duplicates_ > 0) {
    notes_.push_back(fmt::format(
        "{}{}",
        duplicate_note_,
        duplicates_ == 1 ? "" : fmt::format(", and so {} times more", duplicates_ - 1)));
  }
  collect_users();
  decode_slots();
  if (layout != nullptr) world_size_ = layout->world_size();
  for (const RankHistory& history : ranks_) world_size_ = std::max(world_size_, history.rank + 1);
  for (const HistoryGroup& group : groups_) {
    for (const Rank member : group.members) world_size_ = std::max(world_size_, member + 1);
  }
  world_size_ = infer_members(groups_, ranks_, layout, world_size_, notes_);
  settle_roles();
  settle_sites();
  settle_tokens();
  settle_lanes();
  settle_progress();
}

const RankHistory* CallHistories::find(Rank rank) const {
  const auto found = std::ranges::lower_bound(ranks_, rank, {}, &RankHistory::rank);
  return found == ranks_.end() || found->rank != rank ? nullptr : &*found;
}

std::vector<Rank> CallHistories::missing() const {
  std::vector<Rank> missing;
  for (Rank rank = 0; rank < world_size_; ++rank) {
    if (find(rank) == nullptr) missing.push_back(rank);
  }
  return missing;
}

const HistoryLane* CallHistories::lane(std::uint32_t group, Rank rank) const {
  const HistoryGroup& one = groups_[group];
  if (const RankHistory* history = find(rank)) {
    const auto index = history->lanes.find(group);
    return index == history->lanes.end() ? nullptr : &one.lanes[index->second];
  }
  const auto member = std::ranges::find(one.members, rank);
  if (member == one.members.end()) return nullptr;
  return &one.lanes[static_cast<std::size_t>(member - one.members.begin())];
}

std::optional<std::uint32_t> CallHistories::group_of(Rank rank, std::uint32_t role) const {
  const auto found = group_of_role_.find({rank, role});
  if (found == group_of_role_.end()) return std::nullopt;
  return found->second;
}

void CallHistories::collect_users() {
  for (const RankHistory& history : ranks_) {
    std::set<std::uint32_t> used{history.groups.begin(), history.groups.end()};
    for (const HistoryCall& call : history.calls) {
      used.insert(call.group);
      if (call.is_point_to_point()) groups_[call.group].has_point_to_point = true;
    }
    for (const std::uint32_t group : used) groups_[group].users.push_back(history.rank);
  }
}

// Ranks of one program join their groups in one order, so a slot means the same kind of group on
// all of them. That tells which of its groups a rank's progress is about where no call of it is
// left.
void CallHistories::decode_slots() {
  std::map<std::uint32_t, std::set<std::string>> names_of_slot;
  for (const RankHistory& history : ranks_) {
    for (const auto& [slot, group] : history.slots) names_of_slot[slot].insert(groups_[group].name);
  }
  for (RankHistory& history : ranks_) {
    for (const auto& [slot, names] : names_of_slot) {
      if (history.slots.contains(slot) || names.size() != 1) continue;
      std::vector<std::uint32_t> fitting;
      for (const std::uint32_t group : history.groups) {
        const bool is_taken = std::ranges::any_of(
            history.slots, [&](const auto& known) { return known.second == group; });
        if (!is_taken && groups_[group].name == *names.begin()) fitting.push_back(group);
      }
      if (fitting.size() == 1) history.slots[slot] = fitting.front();
    }
  }
}

void CallHistories::settle_roles() {
  // Names that one rank has for several of its groups need their slots beside them.
  std::set<std::string> repeated;
  std::map<std::uint32_t, std::uint32_t> slot_of_group;
  for (const RankHistory& history : ranks_) {
    std::set<std::string> seen;
    for (const std::uint32_t group : history.groups) {
      if (!seen.insert(groups_[group].name).second) repeated.insert(groups_[group].name);
    }
    for (const auto& [slot, group] : history.slots) slot_of_group.try_emplace(group, slot);
  }
  std::map<std::string, std::uint32_t> numbers;
  for (std::uint32_t id = 0; id < groups_.size(); ++id) {
    HistoryGroup& group = groups_[id];
    const auto slot = slot_of_group.find(id);
    std::string key = group.name;
    if (!group.is_described) key = fmt::format("\n{} {}", group.label, group.members.size());
    if ((!group.is_described || repeated.contains(group.name)) && slot != slot_of_group.end()) {
      key = fmt::format("{}\n{}", group.is_described ? group.name : "", slot->second);
    }
    const auto [found, is_new] =
        numbers.try_emplace(key, static_cast<std::uint32_t>(roles_.size()));
    if (is_new) roles_.push_back(group.name);
    group.role = found->second;
    for (const Rank member : group.members) group_of_role_.try_emplace({member, group.role}, id);
    for (const Rank user : group.users) group_of_role_.try_emplace({user, group.role}, id);
  }
}

// Stacks that differ in how the library was got to alone are one place.
void CallHistories::settle_sites() {
  std::map<std::vector<RecordedFrame>, std::uint32_t> numbers{{{}, 0}};
  places_.assign(1, {});
  std::vector<std::uint32_t> place_of_stack;
  for (std::vector<RecordedFrame>& frames : telling_frames(stacks_)) {
    const auto [found, is_new] =
        numbers.try_emplace(frames, static_cast<std::uint32_t>(places_.size()));
    if (is_new) places_.push_back(std::move(frames));
    place_of_stack.push_back(found->second);
  }
  for (RankHistory& history : ranks_) {
    for (HistoryCall& call : history.calls) call.site = place_of_stack[call.site];
  }
}

void CallHistories::settle_tokens() {
  std::map<Token, std::uint32_t> numbers;
  for (RankHistory& history : ranks_) {
    for (HistoryCall& call : history.calls) {
      const Token token{.role = groups_[call.group].role,
                        .signature = call.signature,
                        .site = call.site,
                        .peer = call.is_point_to_point() ? call.peer : 0};
      const auto [found, is_new] =
          numbers.try_emplace(token, static_cast<std::uint32_t>(tokens_.size()));
      if (is_new) tokens_.push_back(token);
      call.token = found->second;
    }
  }
}

void CallHistories::settle_lanes() {
  for (std::uint32_t id = 0; id < groups_.size(); ++id) {
    HistoryGroup& group = groups_[id];
    if (group.members.empty()) {
      group.members = group.users;
      group.are_inferred = true;
    }
    group.lanes.resize(group.members.size());
  }
  for (std::uint32_t id = 0; id < groups_.size(); ++id) {
    const HistoryGroup& group = groups_[id];
    for (std::uint32_t index = 0; index < group.members.size(); ++index) {
      const auto found =
          std::ranges::lower_bound(ranks_, group.members[index], {}, &RankHistory::rank);
      if (found == ranks_.end() || found->rank != group.members[index]) continue;
      found->lanes[id] = index;
    }
  }
  for (RankHistory& history : ranks_) {
    for (std::uint32_t position = 0; position < history.calls.size(); ++position) {
      const HistoryCall& call = history.calls[position];
      const auto index = history.lanes.find(call.group);
      if (call.is_point_to_point() || index == history.lanes.end()) continue;
      groups_[call.group].lanes[index->second].calls.push_back(position);
    }
    for (const auto& [id, index] : history.lanes) {
      HistoryLane& lane = groups_[id].lanes[index];
      std::ranges::stable_sort(
          lane.calls, {}, [&](std::uint32_t position) { return history.calls[position].sequence; });
      if (lane.calls.empty()) {
        if (!history.is_cut()) lane.reached = -1;
        continue;
      }
      lane.reached = static_cast<std::int64_t>(history.calls[lane.calls.back()].sequence);
      lane.through = *lane.reached;
      for (const std::uint32_t position : lane.calls) {
        const HistoryCall& call = history.calls[position];
        if (!call.is_stuck()) continue;
        lane.through = static_cast<std::int64_t>(call.sequence) - 1;
        break;
      }
    }
  }
}

// What a rank says of its groups beyond the calls that it still holds. For a group that carries
// sends and receives the numbers may count either.
void CallHistories::settle_progress() {
  for (RankHistory& history : ranks_) {
    for (const RecordedProgress& progress : history.progress) {
      const auto slot = history.slots.find(progress.slot);
      if (slot == history.slots.end()) continue;
      const auto index = history.lanes.find(slot->second);
      if (index == history.lanes.end() || groups_[slot->second].has_point_to_point) continue;
      HistoryLane& lane = groups_[slot->second].lanes[index->second];
      const std::int64_t reached = progress.enqueued < 0 ? -1 : progress.enqueued - 1;
      if (lane.calls.empty()) {
        lane.reached = std::max(lane.reached.value_or(-1), reached);
        lane.through = *lane.reached;
      }
    }
  }
}

}  // namespace radixbench

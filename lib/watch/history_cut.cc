#include "watch/history_cut.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

namespace radixbench {
namespace {

// Of the threads that a file names; programs communicate from a few.
constexpr std::size_t kThreadsMax = 64;

const HistoryCall* call_at(const RankHistory& history,
                           const HistoryLane& lane,
                           std::uint64_t sequence) {
  const auto found = std::ranges::lower_bound(
      lane.calls, sequence, {}, [&](std::uint32_t at) { return history.calls[at].sequence; });
  if (found == lane.calls.end() || history.calls[*found].sequence != sequence) return nullptr;
  return &history.calls[*found];
}

}  // namespace

bool takes_everybody(const RecordedSignature& signature) {
  constexpr std::array<std::string_view, 9> kOneToAll = {"broadcast",
                                                         "_broadcast_oop",
                                                         "reduce",
                                                         "_reduce_oop",
                                                         "gather",
                                                         "scatter",
                                                         "send",
                                                         "recv",
                                                         "coalesced"};
  return std::ranges::find(kOneToAll, signature.kind) == kOneToAll.end();
}

HistoryCut::HistoryCut(const CallHistories& histories) : histories_{histories} {
  find_stuck();
  find_components();
  find_proven();
  find_moving();
  find_unsettled();
}

void HistoryCut::find_components() {
  std::map<Rank, Rank> parent;
  const auto root = [&](Rank rank) {
    while (parent.at(rank) != rank) rank = parent[rank] = parent[parent[rank]];
    return rank;
  };
  for (Rank rank = 0; rank < histories_.world_size(); ++rank) parent[rank] = rank;
  for (const HistoryGroup& group : histories_.groups()) {
    // Whoever never called on a group is not joined by it.
    std::optional<Rank> first;
    for (std::size_t index = 0; index < group.members.size(); ++index) {
      const bool is_unseen = histories_.find(group.members[index]) == nullptr;
      const bool is_used = group.lanes[index].reached.value_or(-1) >= 0 || group.has_point_to_point;
      if (!is_used && !is_unseen) continue;
      if (!first) first = group.members[index];
      parent[root(group.members[index])] = root(*first);
    }
  }
  std::map<Rank, std::uint32_t> numbers;
  for (Rank rank = 0; rank < histories_.world_size(); ++rank) {
    const auto [found, is_new] = numbers.try_emplace(root(rank), component_count_);
    if (is_new) ++component_count_;
    components_[rank] = found->second;
  }
}

void HistoryCut::find_proven() {
  proven_.assign(histories_.groups().size(), -1);
  for (std::uint32_t id = 0; id < proven_.size(); ++id) {
    const HistoryGroup& group = histories_.groups()[id];
    for (std::size_t index = 0; index < group.lanes.size(); ++index) {
      const HistoryLane& lane = group.lanes[index];
      const RankHistory* history = histories_.find(group.members[index]);
      if (history == nullptr) continue;
      if (lane.calls.empty()) continue;
      // The last that it is through with and that takes everybody; what it holds no more of is
      // older than anything that matters here.
      for (auto at = lane.calls.rbegin(); at != lane.calls.rend(); ++at) {
        const HistoryCall& call = history->calls[*at];
        const auto sequence = static_cast<std::int64_t>(call.sequence);
        if (sequence > lane.through) continue;
        if (!takes_everybody(histories_.signature(call.signature))) continue;
        proven_[id] = std::max(proven_[id], sequence);
        break;
      }
    }
  }
}

void HistoryCut::find_moving() {
  for (std::uint32_t id = 0; id < proven_.size(); ++id) {
    const HistoryGroup& group = histories_.groups()[id];
    for (std::size_t index = 0; index < group.lanes.size(); ++index) {
      const HistoryLane& lane = group.lanes[index];
      if (histories_.find(group.members[index]) == nullptr || !lane.reached) continue;
      if (*lane.reached < proven_[id]) moving_.insert(component(group.members[index]));
    }
  }
  for (const RankHistory& history : histories_.ranks()) {
    if (history.idle_ns && *history.idle_ns < kActiveWithinNs) {
      moving_.insert(component(history.rank));
    }
  }
}

bool HistoryCut::fits(const StuckCall& stuck) const {
  const HistoryGroup& group = histories_.groups()[stuck.call->group];
  for (std::size_t index = 0; index < group.members.size(); ++index) {
    const RankHistory* history = histories_.find(group.members[index]);
    if (history == nullptr) continue;
    const HistoryCall* call = call_at(*history, group.lanes[index], stuck.call->sequence);
    if (call != nullptr && call->token != stuck.call->token) return false;
  }
  return true;
}

// A call that ends for all at once, and where completion isn't told: whoever is still in it while
// another is through was looked at in that moment.
void HistoryCut::find_unsettled() {
  for (const auto& [rank, calls] : stuck_) {
    if (histories_.find(rank)->tells_completion) continue;
    for (const StuckCall& stuck : calls) {
      if (stuck.call->is_point_to_point() || !absent(stuck).empty()) continue;
      if (!takes_everybody(histories_.signature(stuck.call->signature))) continue;
      // Calls that don't fit together may well be stuck in one another.
      if (!fits(stuck)) continue;
      (through(stuck).empty() ? unsettled_ : moving_).insert(component(rank));
    }
  }
}

bool HistoryCut::is_moving(Rank rank) const { return moving_.contains(component(rank)); }

std::uint32_t HistoryCut::component(Rank rank) const { return components_.at(rank); }

std::vector<Rank> HistoryCut::ranks_of(std::uint32_t component) const {
  std::vector<Rank> ranks;
  for (const auto& [rank, number] : components_) {
    if (number == component) ranks.push_back(rank);
  }
  return ranks;
}

const std::vector<StuckCall>& HistoryCut::stuck(Rank rank) const {
  static const std::vector<StuckCall> nothing;
  const auto found = stuck_.find(rank);
  return found == stuck_.end() ? nothing : found->second;
}

void HistoryCut::find_stuck() {
  for (const RankHistory& history : histories_.ranks()) {
    std::vector<StuckCall>& stuck = stuck_[history.rank];
    std::set<std::uint16_t> threads;
    for (std::uint32_t position = 0; position < history.calls.size(); ++position) {
      const HistoryCall& call = history.calls[position];
      if (!call.is_stuck() || !threads.insert(call.thread).second) continue;
      stuck.push_back({.rank = history.rank, .position = position, .call = &call});
      if (history.tells_completion || stuck.size() == kThreadsMax) break;
    }
  }
}

bool HistoryCut::has_half(const StuckCall& stuck, Rank peer) const {
  const RankHistory* history = histories_.find(peer);
  if (history == nullptr) return false;
  const CallKind other = stuck.call->kind == CallKind::kSend ? CallKind::kRecv : CallKind::kSend;
  const std::vector<Rank>& members = histories_.groups()[stuck.call->group].members;
  const RankHistory* own = histories_.find(stuck.rank);
  const bool counts = !own->is_cut() && !history->is_cut();
  return std::ranges::any_of(history->calls, [&](const HistoryCall& half) {
    if (half.group != stuck.call->group || half.kind != other) return false;
    if (half.peer >= members.size() || members[half.peer] != stuck.rank) return false;
    // Where older calls are unknown, only what is open can be told to be the other half.
    return counts ? half.sequence == stuck.call->sequence : half.is_stuck();
  });
}

std::vector<Rank> HistoryCut::absent(const StuckCall& stuck) const {
  const HistoryGroup& group = histories_.groups()[stuck.call->group];
  std::vector<Rank> absent;
  if (stuck.call->is_point_to_point()) {
    if (stuck.call->peer >= group.members.size()) return absent;
    const Rank peer = group.members[stuck.call->peer];
    if (!has_half(stuck, peer)) absent.push_back(peer);
    return absent;
  }
  const auto sequence = static_cast<std::int64_t>(stuck.call->sequence);
  if (proven_[stuck.call->group] >= sequence) return absent;
  for (std::size_t index = 0; index < group.members.size(); ++index) {
    const bool has_come = group.lanes[index].reached.value_or(-1) >= sequence;
    if (!has_come) absent.push_back(group.members[index]);
  }
  std::ranges::sort(absent);
  return absent;
}

std::vector<Rank> HistoryCut::through(const StuckCall& stuck) const {
  const HistoryGroup& group = histories_.groups()[stuck.call->group];
  std::vector<Rank> through;
  if (stuck.call->is_point_to_point()) return through;
  for (std::size_t index = 0; index < group.members.size(); ++index) {
    if (group.lanes[index].through >= static_cast<std::int64_t>(stuck.call->sequence)) {
      through.push_back(group.members[index]);
    }
  }
  std::ranges::sort(through);
  return through;
}

std::vector<Rank> HistoryCut::inside(const StuckCall& stuck) const {
  const HistoryGroup& group = histories_.groups()[stuck.call->group];
  std::vector<Rank> inside;
  if (stuck.call->is_point_to_point()) {
    if (stuck.call->peer < group.members.size()) {
      const Rank peer = group.members[stuck.call->peer];
      if (has_half(stuck, peer)) inside.push_back(peer);
    }
    return inside;
  }
  for (std::size_t index = 0; index < group.members.size(); ++index) {
    const RankHistory* history = histories_.find(group.members[index]);
    if (history == nullptr || group.members[index] == stuck.rank) continue;
    const HistoryCall* call = call_at(*history, group.lanes[index], stuck.call->sequence);
    if (call != nullptr && call->is_stuck()) inside.push_back(history->rank);
  }
  std::ranges::sort(inside);
  return inside;
}

}  // namespace radixbench

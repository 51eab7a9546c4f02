#pragma once

#include "watch/call_history.h"

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace radixbench {

// A call that a rank has not come out of.
struct StuckCall {
  Rank rank = 0;
  std::uint32_t position = 0;  // RankHistory::calls
  const HistoryCall* call = nullptr;
};

// Where each rank stood when its history was taken, and what that says of the others. Histories are
// taken one after the other, of ranks that may still run, so that they are not of one moment.
class HistoryCut {
 public:
  explicit HistoryCut(const CallHistories& histories);

  // The oldest call that the rank is stuck in; with a library that tells who came out of a call
  // there is one, since everything later may be queued behind it, else one of each thread.
  [[nodiscard]] const std::vector<StuckCall>& stuck(Rank rank) const;

  // Members of its group that have not come to the call, or the peer of a send or receive that has
  // not made its half. Members without a history are among them unless somebody's completion shows
  // that they came.
  [[nodiscard]] std::vector<Rank> absent(const StuckCall& stuck) const;
  // Members that are through with the call.
  [[nodiscard]] std::vector<Rank> through(const StuckCall& stuck) const;
  // Members that are in it.
  [[nodiscard]] std::vector<Rank> inside(const StuckCall& stuck) const;

  // Whether the ranks that are joined with `rank` by groups that they use were seen to go on: a
  // member is through with a call that a rank had not come to when its history was taken, or a rank
  // made calls up to that moment. Nobody of them can be called stuck then.
  [[nodiscard]] bool is_moving(Rank rank) const;
  // Whether some of them are in a call that all have come to, of a library that does not tell who
  // came out: it may be about to end.
  [[nodiscard]] bool is_unsettled(Rank rank) const { return unsettled_.contains(component(rank)); }
  // Ranks of one component are joined by groups that they use.
  [[nodiscard]] std::uint32_t component(Rank rank) const;
  [[nodiscard]] std::vector<Rank> ranks_of(std::uint32_t component) const;
  [[nodiscard]] std::uint32_t component_count() const { return component_count_; }

  // What ranks have come to for sure: the last sequence of a group that some member is through with
  // although it takes everybody.
  [[nodiscard]] std::int64_t proven(std::uint32_t group) const { return proven_[group]; }

 private:
  void find_stuck();
  void find_components();
  void find_proven();
  void find_moving();
  void find_unsettled();
  // Whether all members' calls in that place are the same.
  [[nodiscard]] bool fits(const StuckCall& stuck) const;
  [[nodiscard]] bool has_half(const StuckCall& stuck, Rank peer) const;

  const CallHistories& histories_;
  std::map<Rank, std::vector<StuckCall>> stuck_;
  std::vector<std::int64_t> proven_;
  std::map<Rank, std::uint32_t> components_;
  std::uint32_t component_count_ = 0;
  std::set<std::uint32_t> moving_;
  std::set<std::uint32_t> unsettled_;
};

// Whether nobody comes out of a call of this kind before everybody came to it.
bool takes_everybody(const RecordedSignature& signature);

}  // namespace radixbench

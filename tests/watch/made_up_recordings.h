#pragma once

#include "watch/recording.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// Recordings written down call by call, for diagnoses that no run gives on demand.
class MadeUpRecordings {
 public:
  explicit MadeUpRecordings(Rank world_size) {
    for (Rank rank = 0; rank < world_size; ++rank) {
      Recording& recording = ranks.emplace_back();
      recording.rank = rank;
      recording.fate = RankFate::kRunning;
      recording.threads = {"scheduler", "prefetch"};
    }
  }

  struct What {
    std::string site = "writing_check";
    std::uint64_t key = 0;
    std::uint64_t step = 0;
    EventState state = EventState::kLeft;
    std::uint32_t thread = 0;
    std::int64_t result = 0;
    ReduceOp op = ReduceOp::kMin;
    std::uint32_t element_count = 1;
  };

  // An all-reduce of `rank` on the group.
  void call(Rank rank, const RecordedGroup& group, const What& what) {
    RecordedCall call;
    call.group = group_of(ranks[rank], group);
    call.kind = CallKind::kAllReduce;
    call.op = what.op;
    call.element_count = what.element_count;
    call.sequence = sequence_of(ranks[rank], call.group);
    call.results[0] = what.result;
    call.result_count = what.state == EventState::kLeft ? 1 : 0;
    add(ranks[rank], what, call);
  }
  void decide(Rank rank, const std::string& guard, std::int64_t outcome, const What& what) {
    RecordedDecision decision;
    decision.guard = number_of(ranks[rank].guards, guard);
    decision.outcome = outcome;
    add(ranks[rank], what, decision);
  }

  std::vector<Recording> ranks;

 private:
  template <typename Event>
  static void add(Recording& recording, const What& what, const Event& event) {
    RecordedEvent& added = recording.events.emplace_back();
    added.number = recording.events.size() - 1;
    added.site = number_of(recording.sites, what.site);
    added.thread = what.thread;
    added.key = what.key;
    added.step = what.step;
    added.state = what.state;
    added.exit_ns = what.state == EventState::kLeft ? 1 : 0;
    added.what = event;
  }
  static std::uint32_t number_of(std::vector<std::string>& names, const std::string& name) {
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return i;
    }
    names.push_back(name);
    return static_cast<std::uint32_t>(names.size() - 1);
  }
  static std::uint32_t group_of(Recording& recording, const RecordedGroup& group) {
    for (std::uint32_t i = 0; i < recording.groups.size(); ++i) {
      if (recording.groups[i].name == group.name) return i;
    }
    recording.groups.push_back(group);
    return static_cast<std::uint32_t>(recording.groups.size() - 1);
  }
  static std::uint64_t sequence_of(const Recording& recording, std::uint32_t group) {
    std::uint64_t count = 0;
    for (const RecordedEvent& event : recording.events) {
      const auto* call = std::get_if<RecordedCall>(&event.what);
      if (call != nullptr && call->group == group) ++count;
    }
    return count;
  }
};

}  // namespace radixbench

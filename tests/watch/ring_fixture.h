#pragma once

#include "base/clock.h"
#include "watch/ring_recorder.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace radixbench {

inline RingMemory anonymous_ring(const RingOptions& options) {
  Result<RingMemory> memory = RingMemory::create_anonymous(options);
  EXPECT_TRUE(memory) << memory.error().message;
  return *std::move(memory);
}

// A ring in memory and its recorder, and calls as an observed communicator would tell of them.
class Ring {
 public:
  explicit Ring(const RingOptions& options = {.rank = 1, .world_size = 4, .record_count = 64})
      : memory{anonymous_ring(options)}, recorder{memory} {}

  static CallRecord call(const GroupSpec& group, std::uint64_t sequence, std::uint64_t key = 0) {
    CallRecord record;
    record.group = &group;
    record.kind = CallKind::kAllReduce;
    record.op = ReduceOp::kMax;
    record.type = ElementType::kInt64;
    record.element_count = 2;
    record.call = {.site = 4, .key = key, .deadline = {}};
    record.sequence = sequence;
    record.enter_ns = monotonic_ns();
    return record;
  }
  static void finish(CallRecord& record, bool is_ok = true) {
    record.exit_ns = monotonic_ns();
    record.is_ok = is_ok;
    record.results = {static_cast<std::int64_t>(record.sequence), -2};
    record.result_count = 2;
  }
  static void make_call(RingThread& thread, const GroupSpec& group, std::uint64_t sequence) {
    CallRecord record = call(group, sequence, sequence * 3);
    thread.entered(record);
    finish(record);
    thread.left(record);
  }
  [[nodiscard]] Recording read() const {
    Result<Recording> recording = memory.read();
    EXPECT_TRUE(recording) << recording.error().message;
    return recording ? *std::move(recording) : Recording{};
  }

  RingMemory memory;
  RingRecorder recorder;
};

template <typename What>
std::vector<RecordedEvent> events_of(const Recording& recording) {
  std::vector<RecordedEvent> events;
  for (const RecordedEvent& event : recording.events) {
    if (std::holds_alternative<What>(event.what)) events.push_back(event);
  }
  return events;
}

}  // namespace radixbench

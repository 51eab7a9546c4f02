// Bytes as a ring, or as changes of words of a sound one. Whatever they are, the reader answers
// with an error that names source and byte, or with a recording whose numbers all point at
// something.

#include "base/check.h"
#include "watch/ring_reader.h"
#include "watch/ring_recorder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace radixbench {
namespace {

constexpr std::string_view kSource = "fuzzed.ring";

void make_calls(RingThread& thread, const GroupSpec& group, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    CallRecord call;
    call.group = &group;
    call.call.site = 3;
    call.sequence = i;
    thread.entered(call);
    call.is_ok = true;
    call.result_count = 1;
    thread.left(call);
  }
}

std::vector<std::uint64_t> sound_ring() {
  Result<RingMemory> memory =
      RingMemory::create_anonymous({.rank = 1, .world_size = 2, .record_count = 16});
  RADIXBENCH_CHECK(memory.has_value());
  RingRecorder recorder{*memory};
  const GroupSpec group{.name = "tp", .members = {0, 1}, .ordinal = 0};
  RingThread& thread = recorder.thread("scheduler");
  thread.opening(group, true, 0, std::chrono::seconds{1});
  thread.opened(true);
  make_calls(thread, group, 10);
  for (int i = 0; i < 10; ++i) thread.decided({.guard = Guard::kAdmit, .input_count = 2});
  CallRecord stuck;
  stuck.group = &group;
  stuck.sequence = 10;
  thread.entered(stuck);
  recorder.thread("prefetch").ended(true);
  std::vector<std::uint64_t> words(memory->bytes().size() / 8);
  std::memcpy(words.data(), memory->bytes().data(), memory->bytes().size());
  return words;
}

void check_recording(const Recording& recording) {
  for (const RecordedEvent& event : recording.events) {
    RADIXBENCH_CHECK(event.site < recording.sites.size());
    RADIXBENCH_CHECK(event.thread < recording.threads.size());
    if (const auto* call = std::get_if<RecordedCall>(&event.what)) {
      RADIXBENCH_CHECK(call->group < recording.groups.size());
      RADIXBENCH_CHECK(call->result_count <= call->results.size());
    }
    if (const auto* decision = std::get_if<RecordedDecision>(&event.what)) {
      RADIXBENCH_CHECK(decision->guard < recording.guards.size());
      RADIXBENCH_CHECK(decision->input_count <= decision->inputs.size());
    }
    if (const auto* creation = std::get_if<RecordedCreation>(&event.what)) {
      RADIXBENCH_CHECK(creation->group < recording.groups.size());
    }
  }
  RADIXBENCH_CHECK(std::ranges::is_sorted(recording.events, {}, &RecordedEvent::number));
}

void read(std::span<const std::byte> bytes) {
  const Result<Recording> recording = read_ring(bytes, kSource);
  if (recording) return check_recording(*recording);
  RADIXBENCH_CHECK(recording.error().code == ErrorCode::kCorrupt);
  RADIXBENCH_CHECK(recording.error().message.starts_with("fuzzed.ring: byte "));
}

// Five bytes a change: three say where, and 0xff after them cuts the ring there; else the last is
// put there.
void read_changed(std::span<const std::uint8_t> changes) {
  static const std::vector<std::uint64_t> sound = sound_ring();
  std::vector<std::uint64_t> words = sound;
  auto bytes = std::as_writable_bytes(std::span{words});
  std::size_t size = bytes.size();
  for (; changes.size() >= 5; changes = changes.subspan(5)) {
    const std::size_t at =
        changes[0] | (std::size_t{changes[1]} << 8U) | (std::size_t{changes[2]} << 16U);
    if (changes[3] == 0xff) {
      size = at % bytes.size();
    } else {
      bytes[at % bytes.size()] = std::byte{changes[4]};
    }
  }
  read(std::span{bytes}.first(size));
}

}  // namespace
}  // namespace radixbench

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0 && data[0] % 2 == 1) {
    radixbench::read_changed({data + 1, size - 1});
  } else {
    radixbench::read(std::as_bytes(std::span{data, size}));
  }
  return 0;
}

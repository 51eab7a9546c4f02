// Bytes as a dump of a flight recorder, a pickle or JSON by their beginning. Whatever they are, the
// importer answers with an error that names the source, or with a recording whose numbers all point
// at something, and a diagnosis of two ranks that have it comes to an end.

#include "base/check.h"
#include "watch/diagnose.h"
#include "watch/import_flight_recorder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace radixbench {
namespace {

// What comes of one dump is bounded by its bytes; of its meaning only so much is looked at.
constexpr std::size_t kEventsMax = 200;
constexpr std::size_t kRanksMax = 4096;

void check_recording(const Recording& recording) {
  RADIXBENCH_CHECK(recording.stacks.size() == recording.sites.size());
  for (const RecordedEvent& event : recording.events) {
    RADIXBENCH_CHECK(event.site < recording.sites.size());
    RADIXBENCH_CHECK(event.thread < recording.threads.size());
    if (const auto* call = std::get_if<RecordedCall>(&event.what)) {
      RADIXBENCH_CHECK(call->group < recording.groups.size());
      RADIXBENCH_CHECK(call->signature < recording.signatures.size());
    }
  }
  RADIXBENCH_CHECK(std::ranges::is_sorted(recording.events, {}, &RecordedEvent::number));
}

bool is_small(const Recording& recording) {
  return recording.events.size() <= kEventsMax &&
         std::ranges::all_of(recording.groups, [](const RecordedGroup& group) {
           return std::ranges::all_of(group.members, [](Rank rank) { return rank < kRanksMax; });
         });
}

void read(std::string_view bytes) {
  Result<Recording> recording = parse_flight_recorder_dump(bytes, "fuzzed_1");
  if (!recording) {
    RADIXBENCH_CHECK(recording.error().code == ErrorCode::kCorrupt);
    RADIXBENCH_CHECK(recording.error().message.starts_with("fuzzed_1: "));
    return;
  }
  check_recording(*recording);
  if (!is_small(*recording)) return;
  std::vector<Recording> both{*recording, std::move(*recording)};
  both.front().rank = 0;
  // The other rank is some calls behind.
  both.front().events.resize(both.front().events.size() / 2);
  const Diagnosis diagnosis = diagnose(both, {});
  RADIXBENCH_CHECK(!diagnosis.verdicts.empty());
}

}  // namespace
}  // namespace radixbench

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  radixbench::read({reinterpret_cast<const char*>(data), size});
  return 0;
}

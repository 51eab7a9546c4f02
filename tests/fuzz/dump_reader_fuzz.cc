// Bytes as a dump of a flight recorder, a pickle or JSON by their beginning. Whatever they are, the
// importer answers with an error that names the source, or with a recording whose numbers all point
// at something. What a diagnosis makes of recordings is for diagnosis_fuzz.cc.

#include "base/check.h"
#include "watch/import_flight_recorder.h"
#include "watch/rank_limit.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace radixbench {
namespace {

void check_recording(const Recording& recording) {
  RADIXBENCH_CHECK(recording.stacks.size() == recording.sites.size());
  for (const RecordedGroup& group : recording.groups) {
    RADIXBENCH_CHECK(
        std::ranges::all_of(group.members, [](Rank member) { return member < kRecordedRanksMax; }));
  }
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

void read(std::string_view bytes) {
  const Result<Recording> recording = parse_flight_recorder_dump(bytes, "fuzzed_1");
  if (recording) return check_recording(*recording);
  RADIXBENCH_CHECK(recording.error().code == ErrorCode::kCorrupt);
  RADIXBENCH_CHECK(recording.error().message.starts_with("fuzzed_1: "));
}

}  // namespace
}  // namespace radixbench

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  radixbench::read({reinterpret_cast<const char*>(data), size});
  return 0;
}

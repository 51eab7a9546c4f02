// Bytes as what eight ranks did, in recordings as the readers make them, of rings or of a library's
// histories. Whatever they are, a diagnosis comes to an end, says something, blames ranks that
// there are, and says the same of the same recordings in another order.

#include "base/check.h"
#include "watch/contract.h"
#include "watch/diagnose.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr Rank kWorld = 8;
constexpr std::size_t kEventsMax = 128;
constexpr std::size_t kStepBytes = 3;
constexpr std::uint64_t kHistorySequenceMax = (std::uint64_t{1} << 63U) - kEventsMax - 2;
constexpr std::array kSites = {"none",
                               "writing_check",
                               "can_terminate_prefetch",
                               "check_prefetch_progress",
                               "drain_storage_control_queues",
                               "forward",
                               "recv_requests",
                               "own"};

// What the first two bytes say of all ranks.
struct Source {
  bool is_history = false;
  bool tells_completion = false;
  bool holds_only_unfinished = false;
  bool has_members = false;  // of its groups
  bool has_layout = false;
  std::uint64_t lost_count = 0;
  std::uint8_t missing = 0;  // a bit a rank
};

Source source_of(std::uint8_t flags, std::uint8_t missing) {
  return {.is_history = (flags & 1U) != 0,
          .tells_completion = (flags & 2U) != 0,
          .holds_only_unfinished = (flags & 4U) != 0,
          .has_members = (flags & 8U) != 0,
          .has_layout = (flags & 16U) != 0,
          .lost_count = (flags & 32U) != 0 ? 7U : 0U,
          .missing = missing};
}

// Two replicas of four ranks, and groups that don't belong there.
std::vector<RecordedGroup> groups_of(Rank rank, const Source& source) {
  const Rank base = rank / 4 * 4;
  const Rank pair = rank / 2 * 2;
  const std::vector<std::pair<std::string, std::vector<Rank>>> lists = {
      {"tp", {0, 1, 2, 3, 4, 5, 6, 7}},
      {"attn_cp", {base + rank % 2, base + 2 + rank % 2}},
      {"attention_tp", {pair, pair + 1}},
      {"attn_world", {base, base + 1, base + 2, base + 3}},
      {"tp", {rank, (rank + 1) % kWorld}},
      {"", {}},
      {"alone", {kWorld + 3}},
      {"hits", {7, 6, 5, 4, 3, 2, 1, 0}}};
  std::vector<RecordedGroup> groups;
  for (const auto& [name, members] : lists) {
    const auto ordinal = static_cast<std::uint32_t>(groups.size());
    RecordedGroup& group = groups.emplace_back();
    group.name = name;
    group.members = members;
    group.ordinal = ordinal;
    if (!source.is_history) continue;
    // Of a kind's groups over the world, as the library numbers them.
    const Rank first = members.empty() ? 0 : *std::ranges::min_element(members);
    group.label = name.empty() ? "" : std::to_string(ordinal * kWorld + first);
    if (ordinal % 2 == 0) group.slot = ordinal;
    if (!source.has_members) group.members.clear();
  }
  return groups;
}

class Recordings {
 public:
  explicit Recordings(const Source& source) : source_{source} {
    for (Rank rank = 0; rank < kWorld; ++rank) {
      Recording& recording = ranks_.emplace_back();
      recording.rank = rank;
      recording.sites.assign(kSites.begin(), kSites.end());
      recording.threads = {"scheduler", "prefetch"};
      recording.guards = {"none", "enter_result_sync", "admit"};
      recording.groups = groups_of(rank, source);
      recording.lost_count = source.lost_count;
      recording.kind = source.is_history ? RecordingKind::kLibraryHistory : RecordingKind::kRing;
      recording.tells_completion = source.tells_completion;
      recording.holds_only_unfinished = source.holds_only_unfinished;
      recording.signatures = {{},
                              {.kind = "all_reduce", .type = "Int", .sizes = "[2]->[2]"},
                              {.kind = "broadcast", .type = "Int", .sizes = "[4]->[4]"},
                              {.kind = "all_reduce", .type = "Long", .sizes = "[3]->[3]"}};
      recording.stacks.resize(source.is_history ? kSites.size() : 0);
      for (std::size_t i = 1; i < recording.stacks.size(); ++i) {
        recording.stacks[i] = {{.name = kSites[i], .file = "loop.py", .line = 7}};
      }
    }
  }

  // One event: who and how, what, where.
  void add(std::uint8_t who, std::uint8_t what, std::uint8_t where) {
    Recording& recording = ranks_[who % kWorld];
    RecordedEvent event;
    event.number = recording.events.size() + recording.lost_count;
    event.site = where % kSites.size();
    event.thread = (who >> 3U) & 1U;
    constexpr std::array kStates = {
        EventState::kLeft, EventState::kLeft, EventState::kInside, EventState::kFailed};
    event.state = kStates[(who >> 4U) & 3U];
    event.key = (where >> 3U) & 3U;
    std::uint64_t& step = steps_[recording.rank];
    if ((where & 128U) != 0) ++step;
    event.step = step;
    event.enter_ns = static_cast<std::int64_t>(recording.events.size()) * 1'000'000;
    event.exit_ns = event.state == EventState::kLeft ? event.enter_ns + 1 : 0;
    // Numbers of damaged files are any distance apart.
    const std::uint64_t jump = (who >> 6U) == 3 ? std::uint64_t{1} << (where % 63U) : 0;
    if (!fill(recording, what, jump, event)) return;
    recording.events.push_back(event);
  }

  [[nodiscard]] std::vector<Recording> take() {
    std::vector<Recording> taken;
    for (Recording& recording : ranks_) {
      if (((std::uint32_t{source_.missing} >> recording.rank) & 1U) != 0) continue;
      taken.push_back(std::move(recording));
    }
    return taken;
  }

 private:
  bool fill(Recording& recording, std::uint8_t what, std::uint64_t jump, RecordedEvent& event) {
    const std::uint32_t group = what & 7U;
    const std::uint32_t kind = (what >> 3U) & 7U;
    const std::uint32_t more = what >> 6U;
    if (kind < 6) {
      event.what = call_of(recording, static_cast<CallKind>(kind), group, more, jump);
    } else if (source_.is_history) {
      recording.progress.push_back({.slot = group,
                                    .enqueued = static_cast<std::int64_t>(jump | more),
                                    .completed = static_cast<std::int64_t>(more) - 1});
      return false;
    } else if (kind == 6) {
      event.what = RecordedDecision{.guard = more % 3,
                                    .outcome = static_cast<std::int64_t>(group),
                                    .inputs = {1, 2},
                                    .input_count = 2};
    } else if (more == 3) {
      event.what = RecordedThreadEnd{.is_failure = group % 2 == 0};
    } else {
      event.what = RecordedCreation{.group = group, .timeout_ns = static_cast<std::int64_t>(jump)};
    }
    return true;
  }

  RecordedCall call_of(const Recording& recording,
                       CallKind kind,
                       std::uint32_t group,
                       std::uint32_t more,
                       std::uint64_t jump) {
    RecordedCall call;
    call.group = group;
    call.kind = kind;
    call.root = more;
    call.element_count = more;
    const bool is_between_two = kind == CallKind::kSend || kind == CallKind::kRecv;
    std::uint64_t& next =
        sequences_[{recording.rank, group, is_between_two ? kind : CallKind::kAllReduce}];
    // A library's numbers have a sign.
    next = source_.is_history ? std::min(next + jump, kHistorySequenceMax) : next + jump;
    call.sequence = next++;
    call.signature = source_.is_history ? more : 0;
    call.result_count = kind == CallKind::kAllReduce ? 1 : 0;
    return call;
  }

  Source source_;
  std::vector<Recording> ranks_;
  std::array<std::uint64_t, kWorld> steps_{};
  std::map<std::tuple<Rank, std::uint32_t, CallKind>, std::uint64_t> sequences_;
};

void check(const Diagnosis& diagnosis) {
  RADIXBENCH_CHECK(!diagnosis.verdicts.empty());
  for (const Verdict& verdict : diagnosis.verdicts) {
    for (const Rank rank : verdict.culprit_ranks) RADIXBENCH_CHECK(rank <= kWorld + 3);
  }
}

void run(std::span<const std::uint8_t> bytes) {
  static const Layout layout = *make_layout("sglang:tp=8,cp=2,dp=2");
  if (bytes.size() < 2) return;
  const Source source = source_of(bytes[0], bytes[1]);
  Recordings made{source};
  bytes = bytes.subspan(2);
  const std::size_t count = std::min(bytes.size() / kStepBytes, kEventsMax);
  for (std::size_t i = 0; i < count; ++i) {
    made.add(bytes[i * kStepBytes], bytes[i * kStepBytes + 1], bytes[i * kStepBytes + 2]);
  }
  std::vector<Recording> recordings = made.take();
  DiagnoseOptions options;
  options.contracts = builtin_contracts();
  if (source.has_layout) options.layout = &layout;
  const Diagnosis diagnosis = diagnose(recordings, options);
  check(diagnosis);
  std::ranges::reverse(recordings);
  const Diagnosis again = diagnose(recordings, options);
  RADIXBENCH_CHECK(again.verdicts.size() == diagnosis.verdicts.size());
  for (std::size_t i = 0; i < again.verdicts.size(); ++i) {
    RADIXBENCH_CHECK(again.verdicts[i].verdict == diagnosis.verdicts[i].verdict);
    RADIXBENCH_CHECK(again.verdicts[i].culprit_ranks == diagnosis.verdicts[i].culprit_ranks);
  }
}

}  // namespace
}  // namespace radixbench

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  radixbench::run({data, size});
  return 0;
}

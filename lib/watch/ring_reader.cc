#include "watch/ring_reader.h"

#include "base/clock.h"
#include "base/file_text.h"
#include "watch/rank_limit.h"
#include "watch/ring_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using RecordWords = std::array<std::uint64_t, kRingRecordWords - 2>;

std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
std::uint32_t high(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32U); }
std::uint32_t low16(std::uint64_t word) { return static_cast<std::uint32_t>(word & 0xffffU); }
std::uint32_t high16(std::uint64_t word) { return low16(word >> 16U); }

// Thrown and caught in this file: what cannot be, and the word that says it.
struct Corrupt {
  std::size_t word;
  std::string what;
};

void require(bool holds, std::size_t word, const char* what) {
  if (!holds) throw Corrupt{word, what};
}

// Names of one table: what they are numbered by, and where the recording has them.
struct Names {
  const char* what;
  std::vector<std::uint32_t> numbers;
  std::vector<std::string>& texts;

  // Of a number that nobody named it makes one.
  std::uint32_t index_of(std::uint32_t number) {
    const auto known = std::ranges::find(numbers, number);
    if (known == numbers.end()) {
      numbers.push_back(number);
      texts.push_back(fmt::format("{} {}", what, number));
      return static_cast<std::uint32_t>(numbers.size() - 1);
    }
    return static_cast<std::uint32_t>(known - numbers.begin());
  }
};

class RingReader {
 public:
  RingReader(RingWords words, std::string_view source, bool is_live)
      : words_{words}, is_live_{is_live} {
    recording_.source = source;
  }

  // The numbers first: what they count was there before them, and what came after is left out.
  Recording read() {
    read_shape();
    number_end_ = words_.load(kRingFieldNumberNext);
    const std::uint64_t written = words_.load(kRingFieldPositionNext);
    read_names(sites_, shape_.sites(), kRingFieldSiteCount, shape_.site_max);
    read_names(guards_, shape_.guards(), kRingFieldGuardCount, shape_.guard_max);
    const std::uint64_t group_count = read_count(kRingFieldGroupCount, shape_.group_max);
    read_threads();
    for (std::uint64_t i = 0; i < group_count; ++i) {
      read_group(shape_.groups() + i * kRingGroupWords);
    }
    read_open();
    const std::uint64_t found = read_records();
    add_open();
    const std::uint64_t accounted = found + words_.load(kRingFieldSkipped);
    recording_.lost_count = written > accounted ? written - accounted : 0;
    read_fate();
    if (words_.load(kRingFieldGroupsLost) > 0) recording_.not_visible.emplace_back("groups");
    if (words_.load(kRingFieldMembersLost) > 0) recording_.not_visible.emplace_back("members");
    std::ranges::sort(recording_.events, {}, &RecordedEvent::number);
    return std::move(recording_);
  }

 private:
  void read_shape() {
    const std::uint64_t records = words_.load(kRingFieldRecordCount);
    require(high(records) == kRingRecordWords, kRingFieldRecordCount, "records of another size");
    require(std::has_single_bit(low(records)),
            kRingFieldRecordCount,
            "the number of records is no power of two");
    const std::uint64_t names = words_.load(kRingFieldNames);
    const std::uint64_t groups = words_.load(kRingFieldGroups);
    shape_ = {.record_count = low(records),
              .site_max = low16(names),
              .guard_max = high16(names),
              .thread_max = low16(names >> 32U),
              .open_max = high16(names >> 32U),
              .group_max = low(groups),
              .member_max = high(groups)};
    require(shape_.end() == words_.size(), kRingFieldBytes, "the sections need another size");
    recording_.rank = low(words_.load(kRingFieldRank));
    require(recording_.rank < kRecordedRanksMax, kRingFieldRank, "a rank beyond any job's");
  }

  std::uint64_t read_count(std::size_t field, std::uint64_t max) {
    const std::uint64_t count = words_.load(field);
    require(count <= max, field, "more entries than there is room for");
    return count;
  }

  std::string read_text(std::size_t at, std::size_t size, std::size_t size_max) {
    require(size <= size_max, at, "a name that is too long");
    std::array<std::uint64_t, kRingGroupNameBytes / 8> packed{};
    for (std::size_t i = 0; i < (size + 7) / 8; ++i) packed[i] = words_.load(at + i);
    std::string text(size, '\0');
    std::memcpy(text.data(), packed.data(), size);
    return text;
  }

  void read_names(Names& names, std::size_t section, std::size_t field, std::uint32_t max) {
    const std::uint64_t count = read_count(field, max);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t at = section + i * kRingNameWords;
      const std::uint64_t head = words_.load(at);
      names.numbers.push_back(high(head));
      names.texts.push_back(read_text(at + 1, low(head), kRingNameBytes));
    }
  }

  void read_threads() {
    const std::uint64_t count = read_count(kRingFieldThreadCount, shape_.thread_max);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t at = shape_.threads() + i * kRingThreadWords;
      recording_.threads.push_back(read_text(at + 1, low(words_.load(at)), kRingNameBytes));
      const std::uint64_t end = words_.load(at + kRingThreadEnd);
      if (end == 0 || !is_ours(words_.load(at + kRingThreadEndNumber))) continue;
      RecordedEvent event;
      event.thread = static_cast<std::uint32_t>(i);
      event.number = words_.load(at + kRingThreadEndNumber);
      event.enter_ns = static_cast<std::int64_t>(words_.load(at + kRingThreadEndNs));
      event.exit_ns = event.enter_ns;
      event.step = words_.load(at + kRingThreadEndStep);
      const EventState state = read_state(at + kRingThreadEnd, end - 1);
      event.what = RecordedThreadEnd{.is_failure = state == EventState::kFailed};
      add(event);
    }
  }

  void read_group(std::size_t at) {
    const std::uint64_t head = words_.load(at + kRingGroupName);
    RecordedGroup group{
        .name = read_text(at + kRingGroupNameText, low16(head), kRingGroupNameBytes),
        .members = {},
        .ordinal = high(head)};
    const std::uint64_t range = words_.load(at + kRingGroupMembers);
    const std::uint64_t used = read_count(kRingFieldMemberCount, shape_.member_max);
    require(std::uint64_t{low(range)} + high(range) <= used,
            at + kRingGroupMembers,
            "members beyond those that there are");
    // Each group has its own.
    member_count_ += high(range);
    require(member_count_ <= used, at + kRingGroupMembers, "members of several groups");
    group.members.reserve(high(range));
    for (std::uint64_t i = low(range); i < std::uint64_t{low(range)} + high(range); ++i) {
      const std::uint64_t two = words_.load(shape_.members() + i / 2);
      group.members.push_back(i % 2 == 0 ? low(two) : high(two));
      require(group.members.back() < kRecordedRanksMax,
              shape_.members() + i / 2,
              "a rank beyond any job's");
    }
    recording_.groups.push_back(std::move(group));
    const std::uint64_t state = words_.load(at + kRingGroupState);
    if (state == 0 || !is_ours(words_.load(at + kRingGroupNumber))) return;
    const std::uint64_t where = words_.load(at + kRingGroupSite);
    RecordedEvent event;
    event.number = words_.load(at + kRingGroupNumber);
    event.site = sites_.index_of(low(where));
    event.thread = read_thread(at + kRingGroupSite, high(where));
    event.step = words_.load(at + kRingGroupStep);
    event.state = read_state(at + kRingGroupState, state - 1);
    event.enter_ns = static_cast<std::int64_t>(words_.load(at + kRingGroupEnterNs));
    event.exit_ns = static_cast<std::int64_t>(words_.load(at + kRingGroupExitNs));
    event.what = RecordedCreation{
        .group = static_cast<std::uint32_t>(recording_.groups.size() - 1),
        .timeout_ns = static_cast<std::int64_t>(words_.load(at + kRingGroupTimeoutNs))};
    add(event);
  }

  // What threads are inside of; kept apart until it is known which of it has ended meanwhile.
  void read_open() {
    const std::size_t count = std::size_t{shape_.thread_max} * shape_.open_max;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = shape_.open() + i * kRingRecordWords;
      const std::optional<RingRecord> record = load_record(at);
      if (record && is_ours(record->number)) open_.push_back(to_event(at, *record));
    }
  }

  // How many of them are whole.
  std::uint64_t read_records() {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < shape_.record_count; ++i) {
      const std::size_t at = shape_.records() + i * kRingRecordWords;
      const std::optional<RingRecord> record = load_record(at);
      if (!record) continue;
      ++found;
      if (!is_ours(record->number)) continue;
      completed_.insert(record->number);
      add(to_event(at, *record));
    }
    return found;
  }

  void add_open() {
    for (const RecordedEvent& event : open_) {
      if (!completed_.contains(event.number)) add(event);
    }
  }

  // Nothing where it is empty, or being written.
  std::optional<RingRecord> load_record(std::size_t at) {
    const std::uint64_t first = words_.load(at);
    if (first % 2 == 0) return std::nullopt;
    RecordWords payload{};
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = words_.load(at + 1 + i);
    if (words_.load(at + kRingRecordWords - 1) != first) return std::nullopt;
    return std::bit_cast<RingRecord>(payload);
  }

  RecordedEvent to_event(std::size_t at, const RingRecord& record) {
    RecordedEvent event{.number = record.number,
                        .site = sites_.index_of(record.site),
                        .thread = read_thread(at + 6, record.thread),
                        .key = record.key,
                        .step = record.step,
                        .state = read_state(at + 6, record.state),
                        .enter_ns = record.enter_ns,
                        .exit_ns = record.exit_ns,
                        .what = RecordedActivity{}};
    switch (record.kind) {
      case RingRecordKind::kCall: event.what = to_call(at, record); break;
      case RingRecordKind::kDecision: event.what = to_decision(at, record); break;
      case RingRecordKind::kActivity: break;
      default: throw Corrupt{at + 6, "an unknown kind of record"};
    }
    return event;
  }

  RecordedCall to_call(std::size_t at, const RingRecord& record) {
    require(record.call_kind <= static_cast<std::uint8_t>(CallKind::kRecv) &&
                record.op <= static_cast<std::uint8_t>(ReduceOp::kSum) &&
                record.type <= static_cast<std::uint8_t>(ElementType::kInt64),
            at + 7,
            "an unknown kind of call, operator or type");
    RecordedCall call{.group = read_group_index(at + 7, record.group),
                      .kind = static_cast<CallKind>(record.call_kind),
                      .op = static_cast<ReduceOp>(record.op),
                      .type = static_cast<ElementType>(record.type),
                      .root = record.root,
                      .element_count = record.element_count,
                      .sequence = record.sequence};
    require(record.value_count <= call.results.size(), at + 7, "too many results");
    call.result_count = record.value_count;
    std::copy_n(record.values.begin(), record.value_count, call.results.begin());
    return call;
  }

  RecordedDecision to_decision(std::size_t at, const RingRecord& record) {
    RecordedDecision decision{.guard = guards_.index_of(record.guard),
                              .outcome = static_cast<std::int64_t>(record.sequence)};
    require(record.value_count <= decision.inputs.size(), at + 7, "too many inputs");
    decision.input_count = record.value_count;
    std::copy_n(record.values.begin(), record.value_count, decision.inputs.begin());
    return decision;
  }

  std::uint32_t read_thread(std::size_t at, std::uint32_t thread) {
    require(thread < recording_.threads.size(), at, "an unknown thread");
    return thread;
  }

  static EventState read_state(std::size_t at, std::uint64_t state) {
    require(state <= static_cast<std::uint64_t>(EventState::kFailed), at, "an unknown state");
    return static_cast<EventState>(state);
  }

  // Groups that the table had no room for are one group that nothing is known of.
  std::uint32_t read_group_index(std::size_t at, std::uint32_t group) {
    if (group != kRingNoGroup) {
      require(group < recording_.groups.size() - (unknown_group_ ? 1 : 0), at, "an unknown group");
      return group;
    }
    if (!unknown_group_) {
      unknown_group_ = static_cast<std::uint32_t>(recording_.groups.size());
      recording_.groups.push_back({.name = "(no room for its name)", .members = {}, .ordinal = 0});
    }
    return *unknown_group_;
  }

  void read_fate() {
    const std::uint64_t fate = words_.load(kRingFieldFate);
    require(low(fate) <= static_cast<std::uint32_t>(RankFate::kKilled),
            kRingFieldFate,
            "an unknown end of the rank");
    recording_.fate = static_cast<RankFate>(low(fate));
    recording_.signal = static_cast<int>(high(fate));
    recording_.heartbeat_ns = static_cast<std::int64_t>(words_.load(kRingFieldHeartbeat));
    recording_.read_ns =
        is_live_ ? monotonic_ns() : static_cast<std::int64_t>(words_.load(kRingFieldEndedNs));
    // A file cannot know what became of the process after it was copied.
    if (!is_live_ && recording_.fate == RankFate::kRunning) recording_.fate = RankFate::kUnknown;
  }

  // Younger events came while we read: their threads and groups need not be in what was read.
  [[nodiscard]] bool is_ours(std::uint64_t number) const { return number < number_end_; }
  void add(const RecordedEvent& event) { recording_.events.push_back(event); }

  RingWords words_;
  bool is_live_;
  RingShape shape_;
  Recording recording_;
  std::uint64_t member_count_ = 0;  // of the groups that were read
  Names sites_{"site", {0}, recording_.sites};
  Names guards_{"guard", {0}, recording_.guards};
  std::optional<std::uint32_t> unknown_group_;
  std::uint64_t number_end_ = 0;
  std::vector<RecordedEvent> open_;
  std::set<std::uint64_t> completed_;
};

tl::unexpected<Error> corrupt(std::string_view source, std::size_t byte, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: byte {}: {}", source, byte, what));
}

// What must hold before anything else in it can be believed.
Result<void> check_header(RingWords words, std::string_view source, std::size_t size) {
  const std::uint64_t version = words.load(kRingFieldVersion);
  if (high(version) != kRingByteOrder) {
    return corrupt(source, kRingFieldVersion * 8, "written with another byte order");
  }
  if (low(version) != kRingVersion) {
    return corrupt(
        source,
        kRingFieldVersion * 8,
        fmt::format(
            "ring of version {}; this program reads version {}", low(version), kRingVersion));
  }
  const std::uint64_t bytes = words.load(kRingFieldBytes);
  if (bytes != size) {
    return corrupt(source,
                   std::min<std::uint64_t>(bytes, size),
                   fmt::format("the ring has {} bytes, of which {} are here", bytes, size));
  }
  return {};
}

}  // namespace

Result<Recording> read_ring(std::span<const std::byte> bytes,
                            std::string_view source,
                            bool is_live) {
  if (bytes.size() < kRingHeaderWords * 8) {
    return corrupt(source, bytes.size(), "ends within the header of a ring");
  }
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::uint64_t) != 0) {
    std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
    std::memcpy(aligned.data(), bytes.data(), bytes.size());
    return read_ring(std::as_bytes(std::span{aligned}).first(bytes.size()), source, is_live);
  }
  // The words are only read: what they may be written by is other threads and processes.
  auto* const first = reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(bytes.data()));
  const RingWords words{std::span{first, bytes.size() / 8}};
  if (words.load(kRingFieldMagic) != kRingMagic) return corrupt(source, 0, "is no ring");
  if (Result<void> sound = check_header(words, source, bytes.size()); !sound) {
    return tl::unexpected(sound.error());
  }
  try {
    return RingReader{words, source, is_live}.read();
  } catch (const Corrupt& found) {
    return corrupt(source, found.word * 8, found.what);
  }
}

Result<Recording> read_ring_file(const std::string& path) {
  const Result<std::string> bytes = read_file_text(path);
  if (!bytes) return tl::unexpected(bytes.error());
  return read_ring(std::as_bytes(std::span{*bytes}), path);
}

}  // namespace radixbench

#include "watch/ring_recorder.h"

#include "base/check.h"
#include "base/clock.h"
#include "layout/sites.h"
#include "watch/recording.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace radixbench {
namespace {

using RecordWords = std::array<std::uint64_t, kRingRecordWords - 2>;

std::uint64_t pair(std::uint64_t low, std::uint64_t high) { return low | (high << 32U); }

// A record's first word while the `position`-th record is written to it, and once it is whole.
std::uint64_t writing(std::uint64_t position) { return (position + 1) << 1U; }
std::uint64_t whole(std::uint64_t position) { return writing(position) | 1U; }
bool is_being_written(std::uint64_t word) { return word != 0 && word % 2 == 0; }

// The first and last word are the caller's.
void store_payload(const RingWords& words, std::size_t at, const RingRecord& record) {
  const auto payload = std::bit_cast<RecordWords>(record);
  for (std::size_t i = 0; i < payload.size(); ++i) words.store(at + 1 + i, payload[i]);
}

void store_text(const RingWords& words, std::size_t at, std::string_view text) {
  std::array<std::uint64_t, kRingGroupNameBytes / 8> packed{};
  std::memcpy(packed.data(), text.data(), text.size());
  for (std::size_t i = 0; i < (text.size() + 7) / 8; ++i) words.store(at + i, packed[i]);
}

RingRecord to_record(const CallRecord& call, std::uint16_t thread, std::uint32_t group) {
  RingRecord record;
  record.enter_ns = call.enter_ns;
  record.key = call.call.key;
  record.kind = RingRecordKind::kCall;
  record.site = call.call.site;
  record.thread = thread;
  record.group = group;
  record.call_kind = static_cast<std::uint8_t>(call.kind);
  record.op = static_cast<std::uint8_t>(call.op);
  record.type = static_cast<std::uint8_t>(call.type);
  record.root = call.root;
  record.element_count = call.element_count;
  record.sequence = call.sequence;
  return record;
}

void add_end(RingRecord& record, const CallRecord& call) {
  record.exit_ns = call.exit_ns;
  record.state = static_cast<std::uint8_t>(call.is_ok ? EventState::kLeft : EventState::kFailed);
  record.value_count =
      static_cast<std::uint8_t>(call.is_ok ? std::min<std::size_t>(call.result_count, 8) : 0);
  std::copy_n(call.results.begin(), record.value_count, record.values.begin());
}

std::uint64_t state_word(EventState state) { return static_cast<std::uint64_t>(state) + 1; }

RingWords words_of(std::span<std::byte> bytes) {
  return RingWords{{reinterpret_cast<std::uint64_t*>(bytes.data()), bytes.size() / 8}};
}

RingShape read_shape(const RingWords& words) {
  RingShape shape;
  shape.record_count = static_cast<std::uint32_t>(words.load(kRingFieldRecordCount));
  shape.group_max = static_cast<std::uint32_t>(words.load(kRingFieldGroups));
  shape.member_max = static_cast<std::uint32_t>(words.load(kRingFieldGroups) >> 32U);
  return shape;
}

bool is_same_group(const GroupSpec& one, const GroupSpec& other) {
  return one.ordinal == other.ordinal && one.name == other.name && one.members == other.members;
}

}  // namespace

void RingThread::entered(const CallRecord& call) {
  const auto thread = static_cast<std::uint16_t>(number_);
  if (Open* open = begin(to_record(call, thread, entry_of(*call.group)))) open->group = call.group;
}

void RingThread::left(const CallRecord& call) {
  for (Open& open : open_) {
    const RingRecord& record = open.record;
    if (!open.is_used || open.group != call.group || record.sequence != call.sequence ||
        record.enter_ns != call.enter_ns) {
      continue;
    }
    add_end(open.record, call);
    finish(open);
    return;
  }
  RingRecord record = to_record(call, static_cast<std::uint16_t>(number_), entry_of(*call.group));
  record.number = ring_.next_number();
  record.step = ring_.words_.load(kRingFieldStep);
  add_end(record, call);
  ring_.write(record);
}

void RingThread::opening(const GroupSpec& group,
                         bool is_member,
                         std::uint16_t site,
                         std::chrono::nanoseconds timeout) {
  opening_ = ring_.add_group(group);
  if (opening_ == kRingNoGroup) return;
  const RingWords& words = ring_.words_;
  const std::size_t at = ring_.shape_.groups() + opening_ * kRingGroupWords;
  const auto now_ns = static_cast<std::uint64_t>(monotonic_ns());
  words.store(at + kRingGroupNumber, ring_.next_number());
  words.store(at + kRingGroupEnterNs, now_ns);
  words.store(at + kRingGroupExitNs, is_member ? 0 : now_ns);
  words.store(at + kRingGroupTimeoutNs, static_cast<std::uint64_t>(timeout.count()));
  words.store(at + kRingGroupSite, pair(site, number_));
  words.store(at + kRingGroupStep, words.load(kRingFieldStep));
  words.store(at + kRingGroupState,
              state_word(is_member ? EventState::kInside : EventState::kLeft));
}

void RingThread::opened(bool is_ok) {
  if (opening_ == kRingNoGroup) return;
  const std::size_t at = ring_.shape_.groups() + opening_ * kRingGroupWords;
  ring_.words_.store(at + kRingGroupExitNs, static_cast<std::uint64_t>(monotonic_ns()));
  ring_.words_.store(at + kRingGroupState,
                     state_word(is_ok ? EventState::kLeft : EventState::kFailed));
}

void RingThread::decided(const Decision& decision) {
  RingRecord record;
  record.number = ring_.next_number();
  record.enter_ns = monotonic_ns();
  record.exit_ns = record.enter_ns;
  record.key = decision.key;
  record.step = decision.step;
  record.kind = RingRecordKind::kDecision;
  record.state = static_cast<std::uint8_t>(EventState::kLeft);
  record.site = decision.site;
  record.thread = static_cast<std::uint16_t>(number_);
  record.guard = static_cast<std::uint16_t>(decision.guard);
  record.sequence = static_cast<std::uint64_t>(decision.outcome);
  record.value_count = static_cast<std::uint8_t>(std::min<std::size_t>(decision.input_count, 4));
  std::copy_n(decision.inputs.begin(), record.value_count, record.values.begin());
  ring_.write(record);
}

void RingThread::begin_activity(std::uint16_t site, std::uint64_t key) {
  RingRecord record;
  record.enter_ns = monotonic_ns();
  record.key = key;
  record.kind = RingRecordKind::kActivity;
  record.site = site;
  record.thread = static_cast<std::uint16_t>(number_);
  if (begin(record) == nullptr) ++activities_lost_;
}

void RingThread::end_activity() {
  if (activities_lost_ > 0) {
    --activities_lost_;
    return;
  }
  Open* innermost = nullptr;
  for (Open& open : open_) {
    if (!open.is_used || open.record.kind != RingRecordKind::kActivity) continue;
    if (innermost == nullptr || innermost->record.number < open.record.number) innermost = &open;
  }
  RADIXBENCH_CHECK(innermost != nullptr);
  innermost->record.exit_ns = monotonic_ns();
  innermost->record.state = static_cast<std::uint8_t>(EventState::kLeft);
  finish(*innermost);
}

void RingThread::ended(bool is_failure) {
  const RingWords& words = ring_.words_;
  const std::size_t at = ring_.shape_.threads() + number_ * kRingThreadWords;
  if (words.load(at + kRingThreadEnd) != 0) return;
  words.store(at + kRingThreadEndNumber, ring_.next_number());
  words.store(at + kRingThreadEndNs, static_cast<std::uint64_t>(monotonic_ns()));
  words.store(at + kRingThreadEndStep, words.load(kRingFieldStep));
  words.store(at + kRingThreadEnd,
              state_word(is_failure ? EventState::kFailed : EventState::kLeft));
}

std::uint32_t RingThread::entry_of(const GroupSpec& group) {
  const std::uint64_t epoch = ring_.group_epoch_.load(std::memory_order_relaxed);
  if (epoch != known_epoch_) {
    // The place of a group that is gone may be another's.
    known_.fill({});
    known_epoch_ = epoch;
  }
  for (const KnownGroup& known : known_) {
    if (known.spec == &group && known.ordinal == group.ordinal) return known.entry;
  }
  const std::uint32_t entry = ring_.find_or_add_group(group);
  known_[known_next_++ % known_.size()] = {
      .spec = &group, .ordinal = group.ordinal, .entry = entry};
  return entry;
}

std::size_t RingThread::place_of(const Open& open) const {
  const auto index = static_cast<std::size_t>(&open - open_.data());
  return ring_.shape_.open() + (std::size_t{number_} * kRingOpenMax + index) * kRingRecordWords;
}

RingThread::Open* RingThread::begin(const RingRecord& record) {
  const auto open = std::ranges::find(open_, false, &Open::is_used);
  if (open == open_.end()) {
    ring_.words_.add(kRingFieldOpenLost, 1);
    return nullptr;
  }
  open->is_used = true;
  open->group = nullptr;
  open->record = record;
  open->record.number = ring_.next_number();
  open->record.step = ring_.words_.load(kRingFieldStep);
  const RingWords& words = ring_.words_;
  const std::size_t at = place_of(*open);
  words.store(at + kRingRecordWords - 1, writing(open->record.number));
  store_payload(words, at, open->record);
  words.store(at + kRingRecordWords - 1, whole(open->record.number));
  words.store(at, whole(open->record.number));
  return &*open;
}

// The record is there before the open entry goes, so that whoever looks finds one of them.
void RingThread::finish(Open& open) {
  ring_.write(open.record);
  ring_.words_.store(place_of(open), 0);
  open.is_used = false;
}

RingRecorder::RingRecorder(const RingMemory& memory)
    : words_{words_of(memory.bytes())}, shape_{read_shape(words_)} {
#ifdef MADV_POPULATE_WRITE
  // Here rather than in the calls that are recorded; where the kernel cannot, it goes without.
  static_cast<void>(madvise(memory.bytes().data(), memory.bytes().size(), MADV_POPULATE_WRITE));
#endif
  threads_.reserve(kRingThreadsMax);
  for (const SiteContract& contract : site_contracts()) {
    const auto site = static_cast<std::uint32_t>(contract.site);
    RADIXBENCH_CHECK(name(RingTable::kSites, site, contract.name).has_value());
  }
  for (std::uint16_t guard = 1; guard < kGuardCount; ++guard) {
    const std::string_view text = to_string(static_cast<Guard>(guard));
    RADIXBENCH_CHECK(name(RingTable::kGuards, guard, text).has_value());
  }
}

RingRecorder::~RingRecorder() = default;

Result<void> RingRecorder::name_site(std::uint16_t site, std::string_view text) {
  return name(RingTable::kSites, site, text);
}

Result<void> RingRecorder::name_guard(Guard guard, std::string_view text) {
  return name(RingTable::kGuards, static_cast<std::uint32_t>(guard), text);
}

RingThread& RingRecorder::thread(std::string_view text) {
  const std::string_view kept = text.substr(0, kRingNameBytes);
  const std::lock_guard lock{mutex_};
  const auto same = std::ranges::find(thread_names_, kept);
  if (same != thread_names_.end()) {
    return *threads_[static_cast<std::size_t>(same - thread_names_.begin())];
  }
  const auto number = static_cast<std::uint32_t>(threads_.size());
  RADIXBENCH_CHECK(number < shape_.thread_max);
  thread_names_.emplace_back(kept);
  threads_.push_back(std::make_unique<RingThread>(*this, number));
  const std::size_t at = shape_.threads() + number * kRingThreadWords;
  store_text(words_, at + 1, kept);
  words_.store(at, pair(kept.size(), number));
  words_.store(kRingFieldThreadCount, number + 1);
  return *threads_.back();
}

void RingRecorder::stepped(std::uint64_t step) {
  words_.store(kRingFieldStep, step);
  beat();
}

void RingRecorder::beat() {
  words_.store(kRingFieldHeartbeat, static_cast<std::uint64_t>(monotonic_ns()));
}

Result<void> RingRecorder::name(RingTable table, std::uint32_t number, std::string_view text) {
  const bool is_site = table == RingTable::kSites;
  const char* what = is_site ? "site" : "guard";
  if (text.size() > kRingNameBytes || text.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} name '{}' has {} bytes: 1 to {} are possible",
                            what,
                            text,
                            text.size(),
                            kRingNameBytes));
  }
  const std::lock_guard lock{mutex_};
  auto& names = is_site ? site_names_ : guard_names_;
  const auto known = std::ranges::find(names, number, &NumberedName::number);
  if (known != names.end() && known->name == text) return {};
  if (known != names.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {} is '{}' and cannot be '{}'", what, number, known->name, text));
  }
  if (names.size() == (is_site ? shape_.site_max : shape_.guard_max)) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("{} '{}': the ring has room for {} names", what, text, names.size()));
  }
  const std::size_t section = is_site ? shape_.sites() : shape_.guards();
  const std::size_t at = section + names.size() * kRingNameWords;
  store_text(words_, at + 1, text);
  words_.store(at, pair(text.size(), number));
  names.push_back({number, std::string{text}});
  words_.store(is_site ? kRingFieldSiteCount : kRingFieldGuardCount, names.size());
  return {};
}

std::uint32_t RingRecorder::add_group(const GroupSpec& group) {
  const std::lock_guard lock{mutex_};
  group_epoch_.fetch_add(1, std::memory_order_relaxed);
  return append_group(group);
}

std::uint32_t RingRecorder::find_or_add_group(const GroupSpec& group) {
  const std::lock_guard lock{mutex_};
  for (std::size_t entry = groups_.size(); entry-- > 0;) {
    if (is_same_group(groups_[entry], group)) return static_cast<std::uint32_t>(entry);
  }
  return append_group(group);
}

std::uint32_t RingRecorder::append_group(const GroupSpec& group) {
  const std::size_t entry = groups_.size();
  if (entry == shape_.group_max) {
    words_.add(kRingFieldGroupsLost, 1);
    return kRingNoGroup;
  }
  groups_.push_back(group);
  const std::size_t at = shape_.groups() + entry * kRingGroupWords;
  const std::string_view name = std::string_view{group.name}.substr(0, kRingGroupNameBytes);
  store_text(words_, at + kRingGroupNameText, name);
  const bool has_members = append_members(at, group);
  words_.store(at + kRingGroupName,
               name.size() | (has_members ? 0 : kRingGroupMembersLost << 16U) |
                   (std::uint64_t{group.ordinal} << 32U));
  words_.store(kRingFieldGroupCount, entry + 1);
  return static_cast<std::uint32_t>(entry);
}

// All or none: a group with some of its members would be another group.
bool RingRecorder::append_members(std::size_t at, const GroupSpec& group) {
  const std::uint64_t used = words_.load(kRingFieldMemberCount);
  if (used + group.members.size() > shape_.member_max) {
    words_.add(kRingFieldMembersLost, 1);
    return false;
  }
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    const std::uint64_t position = used + i;
    const std::size_t word = shape_.members() + position / 2;
    const std::uint64_t member = std::uint64_t{group.members[i]} << (position % 2 * 32);
    words_.store(word, position % 2 == 0 ? member : words_.load(word) | member);
  }
  words_.store(at + kRingGroupMembers, pair(used, group.members.size()));
  words_.store(kRingFieldMemberCount, used + group.members.size());
  return true;
}

// Whoever takes a position owns its place from the moment that the first word says so until it says
// that the record is whole. A place that another thread is still writing to, having been held up
// for a whole turn of the ring, is passed by.
void RingRecorder::write(const RingRecord& record) const {
  for (;;) {
    const std::uint64_t position = words_.add(kRingFieldPositionNext, 1);
    const std::size_t at =
        shape_.records() + (position & (shape_.record_count - 1)) * kRingRecordWords;
    const std::uint64_t before = words_.load(at);
    const bool is_mine = !is_being_written(before) && before < writing(position) &&
                         words_.replace(at, before, writing(position));
    if (!is_mine) {
      words_.add(kRingFieldSkipped, 1);
      continue;
    }
    words_.store(at + kRingRecordWords - 1, writing(position));
    store_payload(words_, at, record);
    words_.store(at + kRingRecordWords - 1, whole(position));
    words_.store(at, whole(position));
    return;
  }
}

}  // namespace radixbench

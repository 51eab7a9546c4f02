#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace radixbench {

// A ring as docs/formats/ring.md has it: little-endian words of eight bytes, in sections whose
// places follow from the numbers at the beginning.

static_assert(std::endian::native == std::endian::little, "a ring has little-endian words");

constexpr std::uint64_t kRingMagic = 0x0a474e4952425852;  // "RXBRING\n"
constexpr std::uint32_t kRingVersion = 1;
constexpr std::uint32_t kRingByteOrder = 0x01020304;

constexpr std::size_t kRingNameBytes = 56;
constexpr std::size_t kRingGroupNameBytes = 64;
constexpr std::size_t kRingRunIdBytes = 64;
constexpr std::uint32_t kRingSitesMax = 256;
constexpr std::uint32_t kRingGuardsMax = 128;
constexpr std::uint32_t kRingThreadsMax = 32;
constexpr std::uint32_t kRingOpenMax = 4;  // calls and activities that one thread can be inside of

// Words of one entry.
constexpr std::size_t kRingHeaderWords = 64;
constexpr std::size_t kRingNameWords = 8;
constexpr std::size_t kRingThreadWords = 16;
constexpr std::size_t kRingGroupWords = 24;
constexpr std::size_t kRingRecordWords = 19;

// Positions in the header.
enum RingField : std::size_t {
  kRingFieldMagic = 0,
  kRingFieldVersion = 1,      // version, byte order
  kRingFieldBytes = 2,        // of the whole ring
  kRingFieldRank = 3,         // rank, world size
  kRingFieldRecordCount = 4,  // records, words of one
  kRingFieldNames = 5,        // sites, guards, threads, open entries a thread: 16 bits each
  kRingFieldGroups = 6,       // groups, members
  kRingFieldCreatedWall = 7,
  kRingFieldCreatedNs = 8,
  kRingFieldRunId = 9,  // eight words
  kRingFieldSiteCount = 17,
  kRingFieldGuardCount = 18,
  kRingFieldThreadCount = 19,
  kRingFieldGroupCount = 20,
  kRingFieldMemberCount = 21,
  kRingFieldGroupsLost = 22,   // groups that found no place, calls on them included
  kRingFieldMembersLost = 23,  // groups whose members found none
  kRingFieldOpenLost = 24,     // calls or activities that were begun beyond kRingOpenMax
  kRingFieldSkipped = 25,      // positions that a record passed by
  kRingFieldFate = 26,         // RankFate, signal
  kRingFieldEndedNs = 27,
  // Words that are written all the time, each on a line of its own.
  kRingFieldNumberNext = 32,
  kRingFieldPositionNext = 40,
  kRingFieldStep = 48,
  kRingFieldHeartbeat = 56,
};

enum class RingTable : std::uint8_t { kSites, kGuards, kThreads };
enum class RingRecordKind : std::uint8_t { kCall = 1, kDecision = 2, kActivity = 3 };
constexpr std::uint32_t kRingNoGroup = 0xffffffff;

// Of a name: its number above, its size below, then its bytes. Of a thread these words follow:
enum RingThreadField : std::size_t {
  kRingThreadEnd = 8,  // 0, or as EventState: left, failed
  kRingThreadEndNumber = 9,
  kRingThreadEndNs = 10,
  kRingThreadEndStep = 11,
};
// Of a group.
enum RingGroupField : std::size_t {
  kRingGroupName = 0,     // size, flags (16 bits each), ordinal
  kRingGroupMembers = 1,  // the first one's position among all groups' members, how many
  kRingGroupNameText = 2,
  kRingGroupNumber = 10,  // of its creation, and so on; 0 in kRingGroupState: none was recorded
  kRingGroupState = 11,   // EventState and one
  kRingGroupEnterNs = 12,
  kRingGroupExitNs = 13,
  kRingGroupTimeoutNs = 14,
  kRingGroupSite = 15,  // site, thread
  kRingGroupStep = 16,
};
constexpr std::uint64_t kRingGroupMembersLost = 1;  // flag

// A record but for the two words around it, which are equal and odd while it is whole: whoever
// reads from the first to the last, a copying program included, sees when it was written meanwhile.
struct RingRecord {
  std::uint64_t number = 0;
  std::int64_t enter_ns = 0;
  std::int64_t exit_ns = 0;
  std::uint64_t key = 0;
  std::uint64_t step = 0;
  RingRecordKind kind = RingRecordKind::kCall;
  std::uint8_t state = 0;  // EventState
  std::uint16_t site = 0;
  std::uint16_t thread = 0;
  std::uint16_t guard = 0;
  std::uint32_t group = 0;  // entry in the table of groups
  std::uint8_t call_kind = 0;
  std::uint8_t op = 0;
  std::uint8_t type = 0;
  std::uint8_t value_count = 0;
  std::uint32_t root = 0;
  std::uint32_t element_count = 0;
  std::uint64_t sequence = 0;  // of a decision: its outcome
  std::array<std::int64_t, 8> values{};
};
static_assert(sizeof(RingRecord) == (kRingRecordWords - 2) * sizeof(std::uint64_t));

// Where a ring of these numbers has its sections, in words.
struct RingShape {
  std::uint32_t record_count = 0;
  std::uint32_t site_max = kRingSitesMax;
  std::uint32_t guard_max = kRingGuardsMax;
  std::uint32_t thread_max = kRingThreadsMax;
  std::uint32_t open_max = kRingOpenMax;
  std::uint32_t group_max = 0;
  std::uint32_t member_max = 0;

  [[nodiscard]] std::size_t sites() const { return kRingHeaderWords; }
  [[nodiscard]] std::size_t guards() const { return sites() + site_max * kRingNameWords; }
  [[nodiscard]] std::size_t threads() const { return guards() + guard_max * kRingNameWords; }
  [[nodiscard]] std::size_t open() const { return threads() + thread_max * kRingThreadWords; }
  [[nodiscard]] std::size_t groups() const {
    return open() + std::size_t{thread_max} * open_max * kRingRecordWords;
  }
  [[nodiscard]] std::size_t members() const {
    return groups() + std::size_t{group_max} * kRingGroupWords;
  }
  [[nodiscard]] std::size_t records() const {
    return members() + (std::size_t{member_max} + 1) / 2;
  }
  [[nodiscard]] std::size_t end() const {
    return records() + std::size_t{record_count} * kRingRecordWords;
  }
};

// A ring's words, which other threads and processes read and write too.
class RingWords {
 public:
  explicit RingWords(std::span<std::uint64_t> words) : words_{words} {}

  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] std::uint64_t load(std::size_t at) const {
    return __atomic_load_n(&words_[at], __ATOMIC_ACQUIRE);
  }
  void store(std::size_t at, std::uint64_t value) const {
    __atomic_store_n(&words_[at], value, __ATOMIC_RELEASE);
  }
  std::uint64_t add(std::size_t at, std::uint64_t value) const {
    return __atomic_fetch_add(&words_[at], value, __ATOMIC_ACQ_REL);
  }
  // Whether it was `expected`, and now is `value`.
  bool replace(std::size_t at, std::uint64_t expected, std::uint64_t value) const {
    return __atomic_compare_exchange_n(
        &words_[at], &expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  }

 private:
  std::span<std::uint64_t> words_;
};

}  // namespace radixbench

// The memory of a shared-memory world. Everything in it is plain words, zero when the world is made
// and reached through std::atomic_ref, so that no constructor need run over pages nobody uses.
//
//   WorldLine | is_dead, a word a rank | group slots, one an ordinal, each made for a whole world:
//     GroupLine            broken and sleepers
//     SlotLine [2][size]   by parity of the call, then member: head word and the first elements
//     ExtraLines [2][size] the elements beyond
//     Mailbox [size]       by member: what it sends to one other
//     OpenCard [size]      by world rank: how each rank spells the group
//
// A call is one synchronisation: a member writes its own line of the call's parity, publishes it by
// a release store of the head, and reads everyone's. The line is written again two calls later,
// when each peer has published the call between, for which it had to be done reading this one.

#pragma once

#include "comm/communicator.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace radixbench {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kLineElements = 7;  // beside the head

struct alignas(kLineBytes) SlotLine {
  std::uint64_t head;
  std::array<std::uint64_t, kLineElements> elements;
};
struct alignas(kLineBytes) ExtraLines {
  std::array<std::uint64_t, kElementsMax - kLineElements> elements;
};
struct alignas(kLineBytes) GroupLine {
  std::uint64_t broken;    // 0, or a Broken
  std::uint32_t sleepers;  // members in the kernel, waiting for a head to change
};
// A send is over once it was taken, so a member has one on its way at most.
struct alignas(kLineBytes) Mailbox {
  std::uint64_t head;   // a MailHead
  std::uint64_t taken;  // ticket of the last send that was taken; written by its receiver
  std::array<std::uint64_t, kElementsMax> elements;
};
struct alignas(kLineBytes) OpenCard {
  std::uint64_t spec_hash;  // 0 until the text is there
  std::array<char, 248> text;
};
struct alignas(kLineBytes) WorldLine {
  std::uint32_t is_interrupted;
  std::uint32_t dead_count;
};

// What a member says with its line. The low half alone changes from call to call (and is what the
// kernel compares before it lets a waiter sleep); with the kind above it, it is what must be equal
// for two calls to pair. It wraps after 2^32 calls, which is harmless: members are never more than
// one call apart.
class CallHead {
 public:
  CallHead(std::uint64_t sequence, CallKind kind) : word_{pairing_of(sequence, kind)} {}
  explicit CallHead(std::uint64_t word) : word_{word} {}

  CallHead& with(ElementType type, std::size_t count) {
    word_ |= static_cast<std::uint64_t>(type) << kTypeShift | std::uint64_t{count} << kCountShift;
    return *this;
  }
  CallHead& with(ReduceOp op) {
    word_ |= static_cast<std::uint64_t>(op) << kOpShift;
    return *this;
  }
  CallHead& with_root(std::size_t root) {
    word_ |= std::uint64_t{root} << kRootShift;
    return *this;
  }

  [[nodiscard]] std::uint64_t word() const { return word_; }
  [[nodiscard]] bool pairs_with(CallHead other) const {
    return ((word_ ^ other.word_) & kPairingMask) == 0;
  }
  [[nodiscard]] CallKind kind() const { return static_cast<CallKind>(word_ >> kKindShift & 0x3U); }
  [[nodiscard]] std::size_t count() const { return word_ >> kCountShift & 0x7FU; }
  [[nodiscard]] ReduceOp op() const { return static_cast<ReduceOp>(word_ >> kOpShift & 0x3U); }
  [[nodiscard]] std::size_t root() const { return word_ >> kRootShift; }

 private:
  // sequence + 1: 32 | kind: 2 | type: 1 | op: 2 | count: 7 | root: 20
  static constexpr unsigned kKindShift = 32;
  static constexpr unsigned kTypeShift = 34;
  static constexpr unsigned kOpShift = 35;
  static constexpr unsigned kCountShift = 37;
  static constexpr unsigned kRootShift = 44;
  static constexpr std::uint64_t kPairingMask = (std::uint64_t{1} << kTypeShift) - 1;

  static std::uint64_t pairing_of(std::uint64_t sequence, CallKind kind) {
    return static_cast<std::uint32_t>(sequence + 1) | static_cast<std::uint64_t>(kind)
                                                          << kKindShift;
  }

  std::uint64_t word_;
};
static_assert(std::endian::native == std::endian::little, "a futex is the low half of a head");
static_assert(kElementsMax <= 0x7F);

// A send on its way. The ticket counts the sender's sends, from 1; as with CallHead, it is what the
// kernel compares, and may wrap.
struct MailHead {
  std::uint32_t ticket = 0;
  std::uint32_t to = 0;
  std::uint32_t count = 0;

  [[nodiscard]] std::uint64_t word() const {
    return ticket | std::uint64_t{to} << 32U | std::uint64_t{count} << 56U;
  }
  static MailHead from_word(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word),
            static_cast<std::uint32_t>(word >> 32U & 0xFF'FFFFU),
            static_cast<std::uint32_t>(word >> 56U)};
  }
};

// Who broke a group and in which of its calls, in one word, so that the first to break it is seen
// whole. Never 0.
struct Broken {
  Rank rank = 0;
  std::uint64_t sequence = 0;

  [[nodiscard]] std::uint64_t word() const { return sequence << 16U | (rank + 1U); }
  static Broken from_word(std::uint64_t word) {
    return {static_cast<Rank>(word & 0xFFFFU) - 1U, word >> 16U};
  }
};

// One group's slot. A view: copies are cheap, the memory must outlive them.
class GroupMemory {
 public:
  GroupMemory(std::byte* slot, Rank world_size);
  static std::size_t bytes(Rank world_size);

  [[nodiscard]] GroupLine& control() const { return *control_; }
  [[nodiscard]] std::span<SlotLine> lines(std::uint64_t sequence) const {
    return lines_.subspan((sequence & 1U) * world_size_, world_size_);
  }
  [[nodiscard]] std::span<ExtraLines> extras(std::uint64_t sequence) const {
    return extras_.subspan((sequence & 1U) * world_size_, world_size_);
  }
  [[nodiscard]] std::span<Mailbox> mailboxes() const { return mailboxes_; }
  [[nodiscard]] std::span<OpenCard> cards() const { return cards_; }

 private:
  std::size_t world_size_;
  GroupLine* control_;
  std::span<SlotLine> lines_;
  std::span<ExtraLines> extras_;
  std::span<Mailbox> mailboxes_;
  std::span<OpenCard> cards_;
};

// So many bytes of zeros, anonymous and shared, to be unmapped by the caller: pages cost nothing
// until they are touched. kCannotCreate where the kernel refuses.
Result<std::byte*> map_shared(std::size_t bytes, Rank world_size);

// The whole mapping: anonymous and shared, gone with the last process that has it.
class WorldMemory {
 public:
  // kCannotCreate where the kernel refuses.
  static Result<std::unique_ptr<WorldMemory>> map(Rank world_size);
  ~WorldMemory();
  WorldMemory(const WorldMemory&) = delete;
  WorldMemory& operator=(const WorldMemory&) = delete;

  [[nodiscard]] Rank world_size() const { return world_size_; }
  [[nodiscard]] GroupMemory group(std::uint32_t ordinal) const;

  void interrupt();
  void mark_dead(Rank rank);
  [[nodiscard]] bool is_interrupted() const {
    return std::atomic_ref{line().is_interrupted}.load(std::memory_order_relaxed) != 0;
  }
  [[nodiscard]] bool has_dead() const {
    return std::atomic_ref{line().dead_count}.load(std::memory_order_acquire) != 0;
  }
  [[nodiscard]] bool is_dead(Rank rank) const {
    return std::atomic_ref{is_dead_[rank]}.load(std::memory_order_acquire) != 0;
  }

 private:
  WorldMemory(std::byte* base, std::size_t bytes, Rank world_size);
  [[nodiscard]] WorldLine& line() const { return *line_; }

  std::byte* base_;
  std::size_t bytes_;
  Rank world_size_;
  WorldLine* line_;
  std::uint32_t* is_dead_;
  std::byte* groups_;
};

}  // namespace radixbench

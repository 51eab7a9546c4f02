#pragma once

#include "comm/call_failure.h"
#include "comm/communicator.h"
#include "comm/nccl_library.h"
#include "comm/shm_memory.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace radixbench {

// What a member of an NCCL group notes before each of its calls: which one it is, and of what kind.
struct NcclHead {
  std::uint64_t sequence = 0;
  CallKind kind = CallKind::kBarrier;

  [[nodiscard]] std::uint64_t word() const {
    return (sequence + 1) << 8U | static_cast<std::uint64_t>(kind);
  }
  // Nothing for 0, the word of who has made no call.
  static std::optional<NcclHead> from_word(std::uint64_t word);
};

// One group's part of the board: plain words, zero at the start, which all members write and read.
// A view. Calls of one parity share a word, so that a member that is one call ahead covers nothing.
class NcclGroupBoard {
 public:
  struct alignas(kLineBytes) Control {
    std::uint64_t broken;  // 0, or a Broken
    std::uint64_t is_id_there;
    NcclUniqueId id;
  };
  struct alignas(kLineBytes) Line {
    std::uint64_t heads[2];
  };

  NcclGroupBoard(Control& control, std::span<Line> lines) : control_{&control}, lines_{lines} {}

  void note(std::size_t member, NcclHead head) const;
  // The last call of this sequence's parity that a member has come to.
  [[nodiscard]] std::optional<NcclHead> head(std::size_t member, std::uint64_t sequence) const;
  // Whether a member has come to the call that `mine` is, or is beyond it.
  [[nodiscard]] bool has_come(std::size_t member, NcclHead mine) const;

  // Leaves who broke the group and in which call, unless somebody did before.
  void give_up(Rank rank, std::uint64_t sequence) const;
  [[nodiscard]] std::optional<Broken> broken() const;

  // Where the members meet, from the first of them.
  void leave_id(const NcclUniqueId& id) const;
  [[nodiscard]] std::optional<NcclUniqueId> id() const;

 private:
  Control* control_;
  std::span<Line> lines_;
};

// What the ranks of an NCCL world know of each other beside NCCL: shared memory without a name,
// mapped before the ranks are forked.
class NcclBoard {
 public:
  // kCannotCreate where the kernel refuses.
  static Result<std::unique_ptr<NcclBoard>> map(Rank world_size);
  ~NcclBoard();
  NcclBoard(const NcclBoard&) = delete;
  NcclBoard& operator=(const NcclBoard&) = delete;

  [[nodiscard]] Rank world_size() const { return world_size_; }
  // Of all ranks together, apart from any group.
  [[nodiscard]] NcclGroupBoard world() const;
  // `ordinal` below shm_groups_max(world_size()).
  [[nodiscard]] NcclGroupBoard group(std::uint32_t ordinal, std::size_t member_count) const;

  void interrupt();
  void mark_dead(Rank rank);
  [[nodiscard]] bool is_interrupted() const {
    return std::atomic_ref{*is_interrupted_}.load(std::memory_order_relaxed) != 0;
  }
  [[nodiscard]] bool is_dead(Rank rank) const {
    return std::atomic_ref{is_dead_[rank]}.load(std::memory_order_acquire) != 0;
  }

 private:
  NcclBoard(std::byte* base, std::size_t bytes, Rank world_size);
  [[nodiscard]] NcclGroupBoard slot(std::size_t at, std::size_t member_count) const;

  std::byte* base_;
  std::size_t bytes_;
  Rank world_size_;
  std::uint32_t* is_interrupted_;
  std::uint32_t* is_dead_;
  std::byte* groups_;
};

}  // namespace radixbench

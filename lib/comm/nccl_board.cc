#include "comm/nccl_board.h"

#include "base/check.h"
#include "comm/shm_fabric.h"

#include <sys/mman.h>

namespace radixbench {
namespace {

std::size_t head_bytes(Rank world_size) {
  const std::size_t bytes = (1 + std::size_t{world_size}) * sizeof(std::uint32_t);
  return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
}

std::size_t group_bytes(Rank world_size) {
  return sizeof(NcclGroupBoard::Control) + world_size * sizeof(NcclGroupBoard::Line);
}

}  // namespace

std::optional<NcclHead> NcclHead::from_word(std::uint64_t word) {
  if (word == 0) return std::nullopt;
  return NcclHead{.sequence = (word >> 8U) - 1, .kind = static_cast<CallKind>(word & 0xFFU)};
}

void NcclGroupBoard::note(std::size_t member, NcclHead head) const {
  std::atomic_ref{lines_[member].heads[head.sequence & 1U]}.store(head.word(),
                                                                  std::memory_order_release);
}

std::optional<NcclHead> NcclGroupBoard::head(std::size_t member, std::uint64_t sequence) const {
  return NcclHead::from_word(
      std::atomic_ref{lines_[member].heads[sequence & 1U]}.load(std::memory_order_acquire));
}

bool NcclGroupBoard::has_come(std::size_t member, NcclHead mine) const {
  const std::optional<NcclHead> theirs = head(member, mine.sequence);
  if (!theirs || theirs->sequence < mine.sequence) return false;
  return theirs->sequence > mine.sequence || theirs->kind == mine.kind;
}

void NcclGroupBoard::give_up(Rank rank, std::uint64_t sequence) const {
  std::uint64_t whole = 0;
  const Broken broken{rank, sequence};
  std::atomic_ref{control_->broken}.compare_exchange_strong(whole, broken.word());
}

std::optional<Broken> NcclGroupBoard::broken() const {
  const std::uint64_t word = std::atomic_ref{control_->broken}.load(std::memory_order_acquire);
  if (word == 0) return std::nullopt;
  return Broken::from_word(word);
}

void NcclGroupBoard::leave_id(const NcclUniqueId& id) const {
  control_->id = id;
  std::atomic_ref{control_->is_id_there}.store(1, std::memory_order_release);
}

std::optional<NcclUniqueId> NcclGroupBoard::id() const {
  if (std::atomic_ref{control_->is_id_there}.load(std::memory_order_acquire) == 0) {
    return std::nullopt;
  }
  return control_->id;
}

Result<std::unique_ptr<NcclBoard>> NcclBoard::map(Rank world_size) {
  const std::size_t bytes =
      head_bytes(world_size) + (shm_groups_max(world_size) + 1) * group_bytes(world_size);
  return map_shared(bytes, world_size).map([&](std::byte* base) {
    return std::unique_ptr<NcclBoard>{new NcclBoard{base, bytes, world_size}};
  });
}

NcclBoard::NcclBoard(std::byte* base, std::size_t bytes, Rank world_size)
    : base_{base},
      bytes_{bytes},
      world_size_{world_size},
      is_interrupted_{reinterpret_cast<std::uint32_t*>(base)},
      is_dead_{is_interrupted_ + 1},
      groups_{base + head_bytes(world_size)} {}

NcclBoard::~NcclBoard() { munmap(base_, bytes_); }

NcclGroupBoard NcclBoard::group(std::uint32_t ordinal, std::size_t member_count) const {
  RADIXBENCH_CHECK(ordinal < shm_groups_max(world_size_) && member_count <= world_size_);
  return slot(ordinal, member_count);
}

NcclGroupBoard NcclBoard::world() const { return slot(shm_groups_max(world_size_), world_size_); }

NcclGroupBoard NcclBoard::slot(std::size_t at, std::size_t member_count) const {
  std::byte* const begin = groups_ + at * group_bytes(world_size_);
  auto* const control = reinterpret_cast<NcclGroupBoard::Control*>(begin);
  return {*control, {reinterpret_cast<NcclGroupBoard::Line*>(control + 1), member_count}};
}

void NcclBoard::interrupt() {
  std::atomic_ref{*is_interrupted_}.store(1, std::memory_order_relaxed);
}

void NcclBoard::mark_dead(Rank rank) {
  RADIXBENCH_CHECK(rank < world_size_);
  std::atomic_ref{is_dead_[rank]}.store(1, std::memory_order_release);
}

}  // namespace radixbench

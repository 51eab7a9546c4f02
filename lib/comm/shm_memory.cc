#include "comm/shm_memory.h"

#include "base/check.h"
#include "comm/shm_fabric.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace radixbench {
namespace {

std::size_t in_lines(std::size_t bytes) {
  return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
}

// Cuts the next `count` objects off the front of `rest`. Zeroed memory is what T starts as.
template <typename T>
std::span<T> take(std::byte*& rest, std::size_t count) {
  auto* first = reinterpret_cast<T*>(rest);
  rest += in_lines(count * sizeof(T));
  return {first, count};
}

std::size_t head_bytes(Rank world_size) {
  return in_lines(sizeof(WorldLine)) + in_lines(world_size * sizeof(std::uint32_t));
}

}  // namespace

GroupMemory::GroupMemory(std::byte* slot, Rank world_size)
    : world_size_{world_size},
      control_{take<GroupLine>(slot, 1).data()},
      lines_{take<SlotLine>(slot, 2 * world_size_)},
      extras_{take<ExtraLines>(slot, 2 * world_size_)},
      mailboxes_{take<Mailbox>(slot, world_size_)},
      cards_{take<OpenCard>(slot, world_size_)} {}

std::size_t GroupMemory::bytes(Rank world_size) {
  return sizeof(GroupLine) + world_size * (2 * sizeof(SlotLine) + 2 * sizeof(ExtraLines) +
                                           sizeof(Mailbox) + sizeof(OpenCard));
}

Result<std::byte*> map_shared(std::size_t bytes, Rank world_size) {
  void* base = mmap(
      nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    return fail(
        ErrorCode::kCannotCreate,
        fmt::format(
            "{} bytes of shared memory for {} ranks: {}", bytes, world_size, std::strerror(errno)));
  }
  return static_cast<std::byte*>(base);
}

Result<std::unique_ptr<WorldMemory>> WorldMemory::map(Rank world_size) {
  const std::size_t bytes =
      head_bytes(world_size) + shm_groups_max(world_size) * GroupMemory::bytes(world_size);
  return map_shared(bytes, world_size).map([&](std::byte* base) {
    return std::unique_ptr<WorldMemory>{new WorldMemory{base, bytes, world_size}};
  });
}

WorldMemory::WorldMemory(std::byte* base, std::size_t bytes, Rank world_size)
    : base_{base}, bytes_{bytes}, world_size_{world_size} {
  line_ = take<WorldLine>(base, 1).data();
  is_dead_ = take<std::uint32_t>(base, world_size).data();
  groups_ = base;
}

WorldMemory::~WorldMemory() { munmap(base_, bytes_); }

GroupMemory WorldMemory::group(std::uint32_t ordinal) const {
  RADIXBENCH_CHECK(ordinal < shm_groups_max(world_size_));
  return {groups_ + ordinal * GroupMemory::bytes(world_size_), world_size_};
}

void WorldMemory::interrupt() {
  std::atomic_ref{line().is_interrupted}.store(1, std::memory_order_relaxed);
}

void WorldMemory::mark_dead(Rank rank) {
  RADIXBENCH_CHECK(rank < world_size_);
  std::atomic_ref{is_dead_[rank]}.store(1, std::memory_order_release);
  std::atomic_ref{line().dead_count}.fetch_add(1, std::memory_order_release);
}

}  // namespace radixbench

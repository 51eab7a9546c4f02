#pragma once

#include "comm/world.h"

#include <cstdint>
#include <memory>

namespace radixbench {

// Ranks of one shared-memory world. A call reads one line a member, so this is far beyond what one
// host can run in lock step.
constexpr Rank kShmWorldSizeMax = 256;

// Group creations that a world of `world_size` ranks has room for: ordinals from 0 to one less.
// An engine makes a dozen groups a rank. Memory is touched only for those that are opened, so the
// room costs address space.
constexpr std::uint32_t shm_groups_max(Rank world_size) { return 256 + 32 * world_size; }

// The memory behind a world of forked processes on one host: anonymous, shared, mapped before the
// fork, so that no name is left behind whoever dies. Made by the supervisor, one a run. No call
// takes a lock that a killed rank could hold: each waits for its peers' lines alone, and gives up
// by its deadline though all of them be stopped.
class ShmWorld : public World {
 public:
  // kInvalidArgument beyond kShmWorldSizeMax, kCannotCreate where the memory can't be had.
  static Result<std::unique_ptr<ShmWorld>> create(Rank world_size);
};

}  // namespace radixbench

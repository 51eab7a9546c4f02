#pragma once

#include "comm/communicator.h"

#include <memory>

namespace radixbench {

// The memory behind a world of forked processes on one host: anonymous, shared, mapped before the
// fork, so that no name is left behind whoever dies. Made by the supervisor, one a run.
class ShmWorld {
 public:
  // kCannotCreate where the memory can't be had.
  static Result<std::unique_ptr<ShmWorld>> create(Rank world_size);
  virtual ~ShmWorld() = default;

  // Called once in each rank's process (or thread) after the fork. The world must outlive it.
  virtual std::unique_ptr<Fabric> attach(Rank rank, SiteNamer namer) = 0;
  // The supervisor saw `rank` end: whoever waits for it in any call fails with kPeerLost at once
  // rather than at its deadline.
  virtual void mark_dead(Rank rank) = 0;
  // Ask every rank to give up: calls that wait fail with kInterrupted within milliseconds.
  virtual void interrupt() = 0;

 protected:
  ShmWorld() = default;
};

}  // namespace radixbench

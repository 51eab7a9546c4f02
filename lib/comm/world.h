#pragma once

#include "comm/communicator.h"

#include <memory>

namespace radixbench {

// The ranks of one host as who started them holds them: hands each its fabric, and tells the others
// what only a supervisor can know. Every method may be called from any thread.
class World {
 public:
  virtual ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Called once for each rank, in its process (after the fork) or thread. The world must outlive
  // it.
  virtual std::unique_ptr<Fabric> attach(Rank rank, SiteNamer namer) = 0;
  // All ranks have been forked: whoever did it calls this once, afterwards. From here on the world
  // may have threads in the supervisor.
  virtual void ranks_forked() {}
  // The supervisor saw `rank` end: whoever waits for it in any call fails with kPeerLost at once
  // rather than at its deadline. A call that `rank` had reached before it ended still completes.
  virtual void mark_dead(Rank rank) = 0;
  // Ask every rank to give up: calls that wait fail with kInterrupted within milliseconds, and so
  // does every later call.
  virtual void interrupt() = 0;

 protected:
  World() = default;
};

}  // namespace radixbench

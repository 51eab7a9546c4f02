#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "replay/host_meeting.h"
#include "replay/host_messages.h"
#include "replay/other_hosts.h"
#include "replay/plan.h"
#include "replay/run_rings.h"

#include <memory>
#include <optional>

namespace radixbench {

// The supervisor of a host without rank 0: starts its ranks when the leading host says so, tells it
// how they end, and hands it their rings and files when it asks. Without the leader its ranks give
// up and it ends. It has no thread.
class FollowingHost : public OtherHosts {
 public:
  // Connects, trying again until `deadline`, and says who is here. kConfiguration where either does
  // not know the other's secret, kMismatch for another version.
  static Result<std::unique_ptr<FollowingHost>> join(const HostMeeting& meeting,
                                                     const HostCard& own,
                                                     Deadline deadline);
  // For a host that can't come: the leader is told why, if it is reached by `deadline`.
  static void decline(const HostMeeting& meeting, const Error& why, Deadline deadline);

  // The start, or the exit code where the leading host ended before it; an error is the leader's
  // word why the run is not to be, or kPeerLost, kTimeout.
  struct Order {
    std::optional<int> exit_code;
    HostStart start;
  };
  virtual Result<Order> await_start(Deadline deadline) = 0;
  // Instead of ranks: they can't be started here.
  virtual void refuse(const Error& why) = 0;
  // From now on these are the rings to be sent; they must outlive this.
  virtual void show(const RunRings& rings) = 0;
  // After its ranks have ended, or none was started (`plan` is null then), until the leading host
  // says with which code to exit.
  virtual Result<int> serve(const ReplayPlan* plan) = 0;

 protected:
  FollowingHost() = default;
};

}  // namespace radixbench

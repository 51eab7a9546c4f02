#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "comm/rendezvous.h"
#include "comm/run_secret.h"
#include "replay/launch_context.h"

#include <string>

namespace radixbench {

// Where the first processes of a run's hosts meet, and what proves that they are of one run.
struct HostMeeting {
  RendezvousAddress address;  // by which the other hosts reach the one with rank 0
  std::string bind;           // the host part that rank 0's listens at
  RunSecret secret;
};

// `address`: of --rendezvous, or port 0 where it was not given; then MASTER_ADDR and MASTER_PORT
// count, and the port after it where torchrun's agent has that one (TORCHELASTIC_USE_AGENT_STORE).
// The secret: RADIXBENCH_SECRET, or `secret_file`, or the file that RADIXBENCH_SECRET_FILE names.
// kConfiguration where either is missing, saying what to set.
Result<HostMeeting> find_host_meeting(const RendezvousAddress& address,
                                      const LaunchFlags& flags,
                                      const EnvironmentMap& environment);

}  // namespace radixbench

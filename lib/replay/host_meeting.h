#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "comm/rendezvous.h"
#include "comm/run_secret.h"
#include "replay/launch_context.h"

#include <optional>
#include <string>

namespace radixbench {

// Where the first processes of a run's hosts meet, and what proves that they are of one run.
struct HostMeeting {
  RendezvousAddress address;  // by which the other hosts reach the one with rank 0
  std::string bind;           // the host part that rank 0's listens at
  RunSecret secret;
};

// The secret that was given: by `secret_file`, else in RADIXBENCH_SECRET, else by the file that
// RADIXBENCH_SECRET_FILE names; nothing where none of them is there. kConfiguration naming which of
// them can't be used, and why.
Result<std::optional<RunSecret>> find_run_secret(const LaunchFlags& flags,
                                                 const EnvironmentMap& environment);

// `address`: of --rendezvous, or port 0 where it was not given; then MASTER_ADDR and MASTER_PORT
// count, and the port after it where torchrun's agent has that one (TORCHELASTIC_USE_AGENT_STORE).
// kConfiguration where it or the secret is missing, saying what to set.
Result<HostMeeting> find_host_meeting(const RendezvousAddress& address,
                                      const LaunchFlags& flags,
                                      const EnvironmentMap& environment);

}  // namespace radixbench

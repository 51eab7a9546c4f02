#pragma once

#include "base/result.h"
#include "comm/gloo_world.h"
#include "comm/nccl_world.h"
#include "comm/world.h"
#include "replay/plan.h"

#include <memory>

namespace radixbench {

// What a transport is told, each its own part. `nccl`: what share_out_gpus() answered.
struct WorldOptions {
  GlooOptions gloo{};
  NcclOptions nccl{};
};

// The world of a transport whose ranks are processes of this host, to be made before the process
// has a second thread. kUnsupported with the reason where the machine or the build lacks it.
Result<std::unique_ptr<World>> make_process_world(Transport transport,
                                                  Rank world_size,
                                                  const WorldOptions& options = {});

// Whether it can be had here, found out without starting anything.
Result<void> check_transport(Transport transport);

// `options` with the number of GPUs that this machine has for so many ranks over NCCL. kUnsupported
// where it lacks GPUs or NCCL, kConfiguration where it has too few.
Result<NcclOptions> share_out_gpus(NcclOptions options, Rank world_size);

}  // namespace radixbench

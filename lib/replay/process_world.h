#pragma once

#include "base/result.h"
#include "comm/gloo_world.h"
#include "comm/world.h"
#include "replay/plan.h"

#include <memory>

namespace radixbench {

// The world of a transport whose ranks are processes of this host, to be made before the process
// has a second thread. kUnsupported with the reason where the machine or the build lacks it.
Result<std::unique_ptr<World>> make_process_world(Transport transport,
                                                  Rank world_size,
                                                  const GlooOptions& gloo = {});

// Whether it can be had here, found out without starting anything.
Result<void> check_transport(Transport transport);

}  // namespace radixbench

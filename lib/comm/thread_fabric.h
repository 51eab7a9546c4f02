#pragma once

#include "comm/world.h"

#include <memory>
#include <vector>

namespace radixbench {

// A world whose ranks are threads of this process: the reference that the other transports are
// tested against, and the one that sanitizers see through. Its fabrics may outlive it.
std::unique_ptr<World> make_thread_world(Rank world_size);

// The fabrics of such a world, where nobody needs the world itself. Element r is rank r's; each may
// be moved to its rank's thread. `namer` may be null.
std::vector<std::unique_ptr<Fabric>> make_thread_fabrics(Rank world_size, SiteNamer namer);

}  // namespace radixbench

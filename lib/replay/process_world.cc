#include "replay/process_world.h"

#include "comm/mpi_world.h"
#include "comm/shm_fabric.h"
#include "comm/transports.h"

#include <fmt/format.h>

#include <utility>

namespace radixbench {
namespace {

template <typename Made>
Result<std::unique_ptr<World>> as_world(Result<std::unique_ptr<Made>> made) {
  if (!made) return tl::unexpected(made.error());
  return std::unique_ptr<World>{*std::move(made)};
}

}  // namespace

Result<std::unique_ptr<World>> make_process_world(Transport transport,
                                                  Rank world_size,
                                                  const GlooOptions& gloo) {
  switch (transport) {
    case Transport::kShm: return as_world(ShmWorld::create(world_size));
    case Transport::kGloo: return make_gloo_world(world_size, gloo);
    case Transport::kMpi: return as_world(MpiWorld::create(world_size));
    case Transport::kThreads: break;
  }
  return fail(ErrorCode::kUnsupported, "threads are no processes");
}

Result<void> check_transport(Transport transport) {
  for (const TransportInfo& known : find_transports()) {
    if (known.name != to_string(transport) || known.is_usable) continue;
    return fail(ErrorCode::kUnsupported, fmt::format("--transport {}: {}", known.name, known.note));
  }
  return {};
}

}  // namespace radixbench

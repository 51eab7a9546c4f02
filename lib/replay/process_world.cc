#include "replay/process_world.h"

#include "comm/mpi_world.h"
#include "comm/nccl_support.h"
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
                                                  const WorldOptions& options) {
  switch (transport) {
    case Transport::kShm: return as_world(ShmWorld::create(world_size));
    case Transport::kGloo: return make_gloo_world(world_size, options.gloo);
    case Transport::kMpi: return as_world(MpiWorld::create(world_size));
    case Transport::kNccl: return as_world(NcclWorld::create(world_size, options.nccl));
    case Transport::kThreads: break;
  }
  return fail(ErrorCode::kUnsupported, "threads are no processes");
}

Result<void> check_transport(Transport transport) {
  const TransportInfo found = find_transport(to_string(transport));
  if (found.is_usable) return {};
  return fail(ErrorCode::kUnsupported, fmt::format("--transport {}: {}", found.name, found.note));
}

Result<NcclOptions> share_out_gpus(NcclOptions options, Rank world_size) {
  const GpuSupport support = probe_gpu_support();
  const auto without = [](const Error& why) {
    return tl::unexpected(Error{why}.while_doing("--transport nccl"));
  };
  if (!support.gpus) return without(support.gpus.error());
  if (!support.nccl) return without(support.nccl.error());
  options.gpu_count = static_cast<std::uint32_t>(support.gpus->gpus.size());
  if (options.gpu_count == 0) return without({ErrorCode::kUnsupported, "CUDA shows no GPU here"});
  if (world_size <= options.gpu_count || options.shares_gpu) return options;
  return fail(ErrorCode::kConfiguration,
              fmt::format("--transport nccl gives each rank a GPU: {} ranks, {} here. With "
                          "--share-gpu several ranks take turns on one",
                          world_size,
                          options.gpu_count));
}

}  // namespace radixbench

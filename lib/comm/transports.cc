#include "comm/transports.h"

#include "comm/gloo_world.h"
#include "comm/mpi_job.h"
#include "comm/mpi_world.h"
#include "comm/nccl_library.h"
#include "comm/nccl_support.h"

#include <fmt/format.h>

#include <cstddef>
#include <optional>

namespace radixbench {
namespace {

TransportInfo find_gloo() {
  const std::optional<std::string> why_not = why_no_gloo();
  return {.name = "gloo",
          .is_usable = !why_not,
          .version = {},
          .note = why_not.value_or("ranks as processes, over TCP, as serving engines agree")};
}

TransportInfo find_mpi() {
  TransportInfo mpi{.name = "mpi", .is_usable = false, .version = {}, .note = {}};
  const Result<std::string> version = mpi_version();
  if (!version) {
    mpi.note = version.error().message;
    return mpi;
  }
  mpi.version = *version;
  const std::string mpirun = MpiJob::find_mpirun();
  mpi.is_usable = !mpirun.empty();
  mpi.note = mpi.is_usable ? "ranks as processes, named by " + mpirun
                           : "no mpirun on the PATH (Debian: openmpi-bin)";
  return mpi;
}

TransportInfo find_nccl() {
  TransportInfo nccl{.name = "nccl", .is_usable = false, .version = {}, .note = {}};
  const GpuSupport support = probe_gpu_support();
  if (support.nccl) nccl.version = nccl_version_text(support.nccl->version);
  if (!support.gpus || !support.nccl) {
    nccl.note = support.gpus ? support.nccl.error().message : support.gpus.error().message;
    return nccl;
  }
  const std::size_t count = support.gpus->gpus.size();
  nccl.is_usable = count > 0;
  nccl.note = count == 0 ? "CUDA shows no GPU here"
                         : fmt::format("ranks as processes, on {} GPU{}, over {}",
                                       count,
                                       count == 1 ? "" : "s",
                                       support.nccl->path);
  return nccl;
}

}  // namespace

TransportInfo find_transport(std::string_view name) {
  if (name == "threads") {
    return {.name = "threads",
            .is_usable = true,
            .version = {},
            .note = "ranks as threads of one process, for tests"};
  }
  if (name == "shm") {
    return {.name = "shm",
            .is_usable = true,
            .version = {},
            .note = "ranks as processes of this host, over shared memory"};
  }
  if (name == "gloo") return find_gloo();
  if (name == "mpi") return find_mpi();
  if (name == "nccl") return find_nccl();
  return {.name = std::string{name}, .is_usable = false, .version = {}, .note = "nobody knows it"};
}

std::vector<TransportInfo> find_transports() {
  std::vector<TransportInfo> found;
  for (const char* name : {"threads", "shm", "gloo", "mpi", "nccl"}) {
    found.push_back(find_transport(name));
  }
  return found;
}

}  // namespace radixbench

#include "comm/transports.h"

#include "comm/gloo_world.h"
#include "comm/mpi_job.h"
#include "comm/mpi_world.h"

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

}  // namespace

std::vector<TransportInfo> find_transports() {
  return {{.name = "threads",
           .is_usable = true,
           .version = {},
           .note = "ranks as threads of one process, for tests"},
          {.name = "shm",
           .is_usable = true,
           .version = {},
           .note = "ranks as processes of this host, over shared memory"},
          find_gloo(),
          find_mpi()};
}

}  // namespace radixbench

#include "comm/transports.h"

#include "comm/mpi_job.h"
#include "comm/mpi_world.h"

namespace radixbench {
namespace {

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
          find_mpi()};
}

}  // namespace radixbench

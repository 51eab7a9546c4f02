#pragma once

#include "comm/mpi_job.h"
#include "comm/world.h"

#include <map>
#include <memory>
#include <string>

namespace radixbench {

using MpiPlaces = std::map<Rank, MpiJob::Variables>;

// A world of forked processes on this host whose groups are MPI's. To be made before the process
// has a second thread.
class MpiWorld : public World {
 public:
  // Starts an mpirun (comm/mpi_job.h). kUnsupported with the reason where this build, or this
  // machine, has none.
  static Result<std::unique_ptr<MpiWorld>> create(Rank world_size);
  // With the places that somebody else's mpirun gave to the processes of this host.
  static Result<std::unique_ptr<MpiWorld>> adopt(Rank world_size, MpiPlaces places);
};

// Of the MPI that this build runs with: "Open MPI v4.1.4"; or why it has none.
Result<std::string> mpi_version();

}  // namespace radixbench

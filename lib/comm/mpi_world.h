#pragma once

#include "comm/mpi_job.h"
#include "comm/world.h"

#include <memory>
#include <string>
#include <vector>

namespace radixbench {

// A world of forked processes on this host whose groups are MPI's. To be made before the process
// has a second thread.
class MpiWorld : public World {
 public:
  // Starts an mpirun (comm/mpi_job.h). kUnsupported with the reason where this build, or this
  // machine, has none.
  static Result<std::unique_ptr<MpiWorld>> create(Rank world_size);
  // With the places that somebody else's mpirun gave to processes of this host, by rank.
  static Result<std::unique_ptr<MpiWorld>> adopt(std::vector<MpiJob::Variables> places);
};

// Of the MPI that this build runs with: "Open MPI v4.1.4"; or why it has none.
Result<std::string> mpi_version();

}  // namespace radixbench

#pragma once

#include "comm/communicator.h"
#include "comm/mpi_process.h"

#include <mpi.h>

#include <memory>

namespace radixbench {

// Of a group that all its members have opened; `comm` has them in group order, and returns errors.
// It is never freed: that would be a collective call, and the end of MPI frees it.
std::unique_ptr<Communicator> make_mpi_communicator(std::shared_ptr<MpiProcess> process,
                                                    GroupSpec group,
                                                    MPI_Comm comm);

}  // namespace radixbench

#pragma once

#include "comm/communicator.h"
#include "comm/world_alarm.h"

#include <cstdint>
#include <memory>
#include <string>

namespace radixbench {

// What a rank brings to MPI. The alarm must outlive every thread of the process.
struct MpiAttachment {
  const WorldAlarm* alarm = nullptr;
  Rank rank = 0;
  Rank world_size = 1;
  SiteNamer namer = nullptr;
  std::uint32_t spins = 0;
};

// A rank's way to the others over MPI, which is brought up here, by when all ranks of the world
// have come to it; where it could not be, open() says why. A world of one rank never initialises
// MPI. One a process.
std::unique_ptr<Fabric> make_mpi_fabric(const MpiAttachment& attachment);

// "Open MPI v4.1.4, ..." of the library that this build runs with, MPI neither up nor needed.
std::string mpi_library_version();

}  // namespace radixbench

#pragma once

#include "base/ids.h"
#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// An mpirun that gives forked ranks their place in an MPI world. MPI knows a process by the
// environment that mpirun hands it, and not by who started it: mpirun starts a placeholder a rank,
// which leaves its environment in a file, and each rank takes that over before it initialises MPI.
// So ranks stay children of their supervisor, who sees how each of them ends.
//
// A keeper, a process in a session of its own, owns mpirun: when the last process that holds the
// job (its supervisor, or a rank) has ended, however it did, the keeper ends mpirun and whatever it
// started, and removes the folder that holds all files of the job.
class MpiJob {
 public:
  // The first mpirun on the PATH; empty without one.
  static std::string find_mpirun();

  // Starts mpirun on this host and waits until every placeholder is there. To be called before the
  // process has a second thread. kUnsupported without an mpirun, or with what it says where it
  // fails.
  static Result<std::unique_ptr<MpiJob>> start(Rank world_size);

  // Ends the job, once its ranks have ended.
  virtual ~MpiJob() = default;
  MpiJob(const MpiJob&) = delete;
  MpiJob& operator=(const MpiJob&) = delete;

  // What a rank's process is to have in its environment.
  using Variables = std::vector<std::pair<std::string, std::string>>;
  // Whether a variable is of MPI's and tells a process its place.
  static bool is_of_mpi(std::string_view name);
  [[nodiscard]] virtual Result<Variables> environment(Rank rank) const = 0;

 protected:
  MpiJob() = default;
};

}  // namespace radixbench

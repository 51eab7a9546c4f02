#pragma once

#include "base/result.h"
#include "comm/mpi_job.h"
#include "replay/launch_context.h"
#include "replay/rank_processes.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// What one launched process says of itself to the first one of its host.
struct LaunchedMember {
  Rank rank = 0;
  Rank world_size = 1;
  int process_id = 0;
  // Must be equal on all, in one order: version, options.
  std::vector<std::pair<std::string, std::string>> fields;
  MpiJob::Variables variables;  // of Open MPI, from its environment
};

// kMismatch naming the first of what must be equal and is not, both ranks and both values.
Result<void> compare_members(const LaunchedMember& first, const LaunchedMember& other);

// The processes that a launcher started on this host. The first leads: it is the supervisor of all
// ranks of the host, which it forks as it does without a launcher, each with the place in MPI and
// the cores that its launched process was given. The others follow: they wait, and end with the
// exit code of the run. Whoever kills one kills its rank.
//
// They meet at a socket without a file, whose name follows from what the launcher says of the job;
// both ends see that the other is of the same user.
class LaunchedJob {
 public:
  // Where the processes of a host meet.
  static std::string meeting_name(const LaunchContext& context, const EnvironmentMap& environment);

  // In the first process, which finish() is then owed by. kConfiguration where another job has the
  // meeting place.
  static Result<std::unique_ptr<LaunchedJob>> lead(const std::string& name, LaunchedMember own);
  // In the others: until the first says how the run ended, however long that takes, and answers its
  // exit code. kPeerLost where it ended without a word, kTimeout where it did not come by
  // `deadline`.
  static Result<int> follow(const std::string& name, const LaunchedMember& own, Deadline deadline);

  virtual ~LaunchedJob() = default;
  LaunchedJob(const LaunchedJob&) = delete;
  LaunchedJob& operator=(const LaunchedJob&) = delete;

  // Waits for the others of `count`. kMismatch naming the first field that differs, both ranks and
  // both values; kTimeout naming who came; kConfiguration where two are one rank.
  virtual Result<void> gather(Rank count, Deadline deadline) = 0;
  [[nodiscard]] virtual const std::vector<LaunchedMember>& members() const = 0;  // by rank
  // In a rank's process, before it does anything.
  virtual void take_place(Rank rank) const = 0;
  // To be called all along: kills the ranks whose launched process has ended.
  virtual void supervise(const RankProcesses& ranks) = 0;
  // Tells everyone with which code to exit.
  virtual void finish(int exit_code) = 0;

 protected:
  LaunchedJob() = default;
};

}  // namespace radixbench

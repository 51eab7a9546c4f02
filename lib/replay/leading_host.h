#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "replay/host_meeting.h"
#include "replay/host_messages.h"
#include "replay/other_hosts.h"
#include "replay/plan.h"
#include "watch/recording.h"

#include <memory>
#include <string>
#include <vector>

namespace radixbench {

// The supervisor of rank 0's host, which leads the run: the other hosts' supervisors tell it how
// their ranks end, send it their rings when it asks, and at the end the files of their ranks. It
// has no thread. finish() is owed to the others, whatever happens.
class LeadingHost : public OtherHosts {
 public:
  // Listens. kCannotCreate where the address can't be had.
  static Result<std::unique_ptr<LeadingHost>> listen(const HostMeeting& meeting);

  // Until hosts with all ranks of the world have come, `own` among them. kMismatch naming the
  // first field that differs, kConfiguration where a rank is on two hosts, kTimeout naming the
  // ranks that did not come, or why another host can't.
  virtual Result<void> gather(const HostCard& own, Deadline deadline) = 0;
  // The run is about to start here: the others start theirs. Writes DIR/hosts.txt.
  virtual Result<void> begin(const ReplayPlan& plan, const HostStart& start) = 0;

  // What the ranks of the other hosts have recorded by now, times by this host's clock; without
  // hosts that don't answer within kAnswerWait. Blocks that long at most.
  virtual std::vector<Recording> recordings() = 0;
  // After all ranks have ended: their files, and their rings as they were asked for last, into the
  // run's folder, where they are not there already. Answers what there is to say of those that did
  // not come.
  virtual std::vector<std::string> collect(const ReplayPlan& plan) = 0;
  // Tells the others with which code to exit; of no use to those that had not come.
  virtual void finish(int exit_code) = 0;

 protected:
  LeadingHost() = default;
};

// DIR/hosts.txt, which says which ranks ran where; and whether it is of this run, so that a folder
// that two hosts share is known for what it is.
std::string hosts_file(const std::string& directory);
bool holds_run(const std::string& directory, const std::string& run_id);

}  // namespace radixbench

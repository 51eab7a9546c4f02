#pragma once

#include "replay/rank_report.h"

#include <optional>
#include <vector>

namespace radixbench {

// What came from the supervisors of a run's other hosts since it was asked last.
struct HostNews {
  std::vector<RankReport> ended;  // at the leading host: how ranks of the others ended
  std::vector<Rank> dead;         // at the others: ranks elsewhere that have ended
  std::optional<int> signal;      // a supervisor was told to stop
  bool is_interrupted = false;    // the leader gives up, or is lost
  bool must_kill = false;
};

// A run's other hosts, as the supervisor of one of them deals with them while ranks run. Nothing
// here blocks.
class OtherHosts {
 public:
  virtual ~OtherHosts() = default;
  OtherHosts(const OtherHosts&) = delete;
  OtherHosts& operator=(const OtherHosts&) = delete;

  virtual HostNews take_news() = 0;
  // Whether ranks elsewhere have still to be told of before the run is over here.
  [[nodiscard]] virtual bool is_waited_for() const = 0;
  virtual void tell_ended(const RankReport& report) = 0;  // a rank of this host
  virtual void tell_interrupt(int signal) = 0;            // 0: no signal asked for it
  virtual void tell_kill() = 0;

 protected:
  OtherHosts() = default;
};

}  // namespace radixbench

#pragma once

#include "base/clock.h"
#include "replay/plan.h"
#include "replay/rank_report.h"
#include "replay/run_rings.h"
#include "watch/diagnose.h"

#include <functional>
#include <optional>
#include <span>

namespace radixbench {

// Looks into a run's rings on the supervisor's thread: all along where the plan says so, when a
// rank has failed, and at the end. The first verdict is kept, whatever the rings hold later.
class RunWatch {
 public:
  // `found` hears of the first verdict that names a fault, once. `rings` must outlive this.
  RunWatch(const ReplayPlan& plan,
           const RunRings& rings,
           std::function<void(const Verdict&)> found);

  // To be called often while ranks run.
  void tick();
  void ended(const RankReport& report);
  // Somebody ends the run: from now on nobody's absence is a fault.
  void interrupted();
  // Who waits for whom just now.
  [[nodiscard]] Diagnosis look_now() const;
  // Once all ranks have ended, with what they recorded. Calls that an interrupt from outside cut
  // off prove nothing about who did not come.
  Diagnosis finish(std::span<const Recording> recordings, bool was_interrupted);

 private:
  [[nodiscard]] Diagnosis diagnose_rings(bool is_live) const;
  [[nodiscard]] Diagnosis diagnose_recordings(std::span<const Recording> recordings,
                                              bool is_live) const;
  void keep(Diagnosis diagnosis);

  const ReplayPlan& plan_;
  const RunRings& rings_;
  std::function<void(const Verdict&)> found_;
  DiagnoseOptions options_;
  std::optional<Diagnosis> first_;
  Deadline next_look_;
  std::optional<Deadline> trouble_look_;
  bool was_interrupted_ = false;
};

}  // namespace radixbench

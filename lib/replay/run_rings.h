#pragma once

#include "base/result.h"
#include "replay/plan.h"
#include "replay/rank_report.h"
#include "watch/recording.h"
#include "watch/ring_memory.h"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// DIR/rings/rank00003.ring
std::string ring_file(const ReplayPlan& plan, Rank rank);

// The rings of a run's ranks, made before they start and owned by whoever supervises them.
class RunRings {
 public:
  // As files; in memory from the first that could not be one. kCannotCreate where there is not even
  // memory. `here`: of these ranks alone; all without it.
  static Result<RunRings> create(const ReplayPlan& plan, std::span<const Rank> here = {});

  [[nodiscard]] const RingMemory& ring(Rank rank) const { return rings_.at(rank); }
  // The bytes of one, as they are.
  [[nodiscard]] std::string copy(Rank rank) const;
  // More recordings: of ranks whose rings are elsewhere.
  using Elsewhere = std::function<std::vector<Recording>()>;
  void add(Elsewhere elsewhere) { elsewhere_ = std::move(elsewhere); }

  // What the ranks have recorded by now, while they run or after; without those whose ring they
  // have spoilt. `fate` is kRunning until the rank's end was told, and of a rank that did not end
  // by itself and was ended. From any thread where nothing was added.
  [[nodiscard]] std::vector<Recording> recordings() const;

  // A rank was seen to end.
  void ended(const RankReport& report) const;

  // Once all have ended: writes rings that are in memory to their files, if that goes by now.
  // Answers what there is to say of rings that did not become files; empty if all did.
  std::vector<std::string> finish();

 private:
  RunRings(std::map<Rank, RingMemory> rings,
           std::map<Rank, std::string> files,
           std::string trouble);

  std::map<Rank, RingMemory> rings_;
  std::map<Rank, std::string> files_;
  Elsewhere elsewhere_;
  std::string trouble_;  // why the first that is not a file is none
};

}  // namespace radixbench

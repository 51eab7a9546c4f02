#pragma once

#include "base/result.h"
#include "comm/communicator.h"
#include "comm/group_observer.h"
#include "comm/observed_communicator.h"
#include "control/agreement.h"
#include "layout/layout.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace radixbench {

// Who hears of the creations, if anybody, what the groups' calls will wait at most, and whether
// there are flat groups over attention CP x TP beside the axes.
struct GroupCreations {
  GroupObserver* observer = nullptr;
  std::chrono::nanoseconds call_deadline{};
  ReduceShape shape = ReduceShape::kAxes;
};

// One rank's communicators, as SGLang makes them: the CPU groups of tp, attn_cp and attention_tp,
// their device twins for the forward pass, and copies of the attention groups that belong to the
// prefetch thread. A kind that the layout aliases shares the other's communicator.
class RankGroups {
 public:
  // Collective over the world: every rank opens its groups in the same order. `scheduler` and
  // `prefetch` hear of the calls of either thread; both must outlive the result.
  static Result<RankGroups> open(const Layout& layout,
                                 Fabric& fabric,
                                 CallObserver& scheduler,
                                 CallObserver& prefetch,
                                 Deadline deadline,
                                 GroupCreations creations = {});

  // Null where this rank's group has one member.
  [[nodiscard]] Communicator* find(const std::string& name) const;
  [[nodiscard]] CacheCommunicators cache(const Layout& layout) const;
  // The flat copy where there is one, else J 4.5: copies of attention CP then TP, one-rank groups
  // and equal rank sets left out.
  [[nodiscard]] Reducer prefetch_hops() const;
  [[nodiscard]] std::vector<const GroupSpec*> specs() const;

 private:
  // Of any size.
  [[nodiscard]] Communicator* get(const std::string& name) const;

  std::map<std::string, std::string> alias_;
  std::map<std::string, std::unique_ptr<Communicator>> by_name_;
  std::vector<std::string> order_;
};

}  // namespace radixbench

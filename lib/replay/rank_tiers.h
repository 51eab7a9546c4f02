#pragma once

#include "base/result.h"
#include "replay/plan.h"
#include "tier/device_cuda.h"
#include "tier/page_copier.h"
#include "tier/page_pool.h"

#include <memory>

namespace radixbench {

// A rank's device and host tier, by the plan: plain memory, or a GPU's and pinned memory.
class RankTiers {
 public:
  // In the rank's own process or thread, which is the first to touch a GPU.
  static Result<RankTiers> open(const ReplayPlan& plan, Rank rank);

  [[nodiscard]] PagePool& device() const { return gpu_ ? gpu_->device() : *device_; }
  [[nodiscard]] PagePool& host() const { return gpu_ ? gpu_->host() : *host_; }
  [[nodiscard]] PageCopier* copier() const { return gpu_ ? &gpu_->copier() : nullptr; }

 private:
  RankTiers() = default;

  std::unique_ptr<GpuTier> gpu_;
  std::unique_ptr<PagePool> device_;
  std::unique_ptr<PagePool> host_;
};

}  // namespace radixbench

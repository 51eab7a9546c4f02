#include "replay/rank_tiers.h"

#include <utility>

namespace radixbench {

Result<RankTiers> RankTiers::open(const ReplayPlan& plan, Rank rank) {
  const ReplayOptions& options = plan.options;
  RankTiers tiers;
  if (options.device.kind == DeviceKind::kSimulated) {
    tiers.device_ = make_memory_pool(plan.device_pages(), options.page_bytes);
    tiers.host_ = make_memory_pool(plan.host_pages(), options.page_bytes);
    return tiers;
  }
  Result<std::shared_ptr<const Gpu>> gpu = Gpu::open(rank % options.device.gpu_count);
  if (!gpu) return tl::unexpected(gpu.error());
  Result<std::unique_ptr<GpuTier>> tier = GpuTier::create(*std::move(gpu),
                                                          {.device_pages = plan.device_pages(),
                                                           .host_pages = plan.host_pages(),
                                                           .layers = options.device.layers,
                                                           .page_bytes = options.page_bytes,
                                                           .device_order = options.device.order,
                                                           .method = options.device.method});
  if (!tier) return tl::unexpected(tier.error());
  tiers.gpu_ = *std::move(tier);
  return tiers;
}

}  // namespace radixbench

#include "replay/rank_storage.h"

namespace radixbench {
namespace {

// A file system gives out space in blocks of this size or so, whatever a page file needs.
constexpr std::uint64_t kFileBytesMin = 4096;
constexpr std::uint64_t kHeaderBytesMax = 1024;

std::uint64_t bytes_a_rank(const ReplayPlan& plan) {
  const std::uint64_t page_tokens = plan.options.engine.page_tokens;
  std::uint64_t tokens = plan.trace.counts.blocks_distinct * kTraceBlockTokens;
  if (plan.options.engine.output_blocks == OutputBlocks::kUnique) {
    for (const Request& request : plan.trace.requests)
      tokens += request.output_tokens + page_tokens;
  }
  const std::uint64_t file_bytes = (plan.options.page_bytes + kHeaderBytesMax + kFileBytesMin - 1) /
                                   kFileBytesMin * kFileBytesMin;
  return tokens / page_tokens * file_bytes;
}

}  // namespace

StorageIdentity storage_identity(const ReplayPlan& plan, Rank rank) {
  const Layout& layout = plan.layout;
  const Coordinates place = layout.coordinates(rank);
  const bool is_dp = layout.sizes().dp_attention;
  return {.model = plan.options.model,
          .page_tokens = plan.options.engine.page_tokens,
          .page_bytes = plan.options.page_bytes,
          .tp_rank = is_dp ? place.attn_tp_rank : place.tp_rank,
          .tp_size = is_dp ? layout.attn_tp_size() : layout.sizes().tp,
          .cp_rank = place.attn_cp_rank,
          .cp_size = layout.attn_cp_size(),
          .pp_rank = place.pp_rank,
          .pp_size = layout.sizes().pp,
          .dp_rank = place.attn_dp_rank,
          .dp_size = layout.attn_dp_size(),
          .name_space = 0};
}

Result<std::unique_ptr<Storage>> open_rank_storage(const ReplayPlan& plan, Rank rank) {
  switch (plan.options.storage) {
    case StorageKind::kNone: return std::unique_ptr<Storage>{};
    case StorageKind::kMemory: return make_memory_storage(storage_identity(plan, rank));
    case StorageKind::kDirectory: break;
  }
  return make_directory_storage(plan.options.storage_directory, storage_identity(plan, rank), 0);
}

std::string cache_state_at_start(const ReplayPlan& plan) {
  const bool is_warm = plan.options.storage == StorageKind::kDirectory &&
                       holds_pages(plan.options.storage_directory, storage_identity(plan, 0));
  return is_warm ? "prefilled:" + plan.options.storage_directory : "cold";
}

Result<void> check_storage_directory(const ReplayPlan& plan) {
  if (plan.options.storage != StorageKind::kDirectory) return {};
  const std::uint64_t bytes_needed = bytes_a_rank(plan) * plan.layout.world_size();
  return make_directory_storage(
             plan.options.storage_directory, storage_identity(plan, 0), bytes_needed)
      .map([](const std::unique_ptr<Storage>&) {});
}

}  // namespace radixbench

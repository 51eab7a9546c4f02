#include "replay_report.h"

#include "report/run_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include <sched.h>

namespace radixbench {
namespace {

std::uint32_t cores_allowed() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&cores)));
}

std::string storage_text(const ReplayOptions& options) {
  switch (options.storage) {
    case StorageKind::kNone: return "none";
    case StorageKind::kMemory: return "memory";
    case StorageKind::kDirectory: return "dir:" + options.storage_directory;
  }
  return "";
}

std::string transport_text(const ReplayOptions& options) {
  std::string text{to_string(options.transport)};
  if (options.nccl.shares_gpu) text += " on shared GPUs, times not comparable";
  return text;
}

RunHeading heading_of(const ReplayPlan& plan, const ReplayResult& result) {
  const ReplayOptions& options = plan.options;
  const Layout& layout = plan.layout;
  RunHeading heading{
      .run_id = plan.run_id,
      .trace = std::filesystem::path{plan.trace.path}.filename().string(),
      .layout = layout.spec(),
      .attn_tp = layout.attn_tp_size(),
      .attn_cp = layout.attn_cp_size(),
      .replicas = layout.attn_dp_size(),
      .stages = layout.sizes().pp,
      .rules = describe(options.rules),
      .agreement = std::string{to_string(options.agreement)},
      .transport = transport_text(options),
      .clock = options.engine.clock == ClockMode::kVirtual ? "virtual" : "wall",
      .policy = std::string{to_string(options.policy)},
      .output_blocks = options.engine.output_blocks == OutputBlocks::kUnique ? "unique" : "none",
      .storage = storage_text(options),
      .page_size = options.engine.page_tokens,
      .seed = options.engine.seed,
      .options = {},
      .cores = cores_allowed(),
      .ranks_missing = static_cast<std::uint32_t>(result.data.missing.size()),
      .files = options.output_directory};
  for (const auto& [name, value] : options.as_text) {
    const bool is_shown = name == "device-tokens" || name == "host-tokens" || name == "skew" ||
                          name == "abort" || name == "inject" || name == "speedup";
    if (is_shown && !value.empty() && value != "0" && value != "1") {
      heading.options.emplace_back(name, value);
    }
  }
  return heading;
}

ClockKeeping clock_of(const ReplayPlan& plan, const ReplayResult& result) {
  ClockKeeping clock;
  clock.is_virtual = plan.options.engine.clock == ClockMode::kVirtual;
  if (clock.is_virtual) return clock;
  for (const RankData& rank : result.data.ranks) {
    if (plan.layout.replica(rank.identity.rank).front() != rank.identity.rank) continue;
    clock.late_steps += counter(rank, "clock.steps_late");
    clock.late_ns_max =
        std::max(clock.late_ns_max, static_cast<std::int64_t>(counter(rank, "clock.late_max")));
  }
  return clock;
}

}  // namespace

std::string replay_table(const ReplayPlan& plan, const ReplayResult& result) {
  const TraceCounts& rows = plan.trace.counts;
  RunReport report{.heading = heading_of(plan, result),
                   .rows = {.read = rows.rows_read,
                            .replayed = rows.emitted,
                            .skipped = rows.dropped_bad,
                            .left = rows.dropped_beyond_limit},
                   .clock = clock_of(plan, result),
                   .summary = result.summary,
                   .more_identities = {},
                   .divergences = result.divergences,
                   .sites = site_infos()};
  return run_table(report);
}

}  // namespace radixbench

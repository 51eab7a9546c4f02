#include "replay/recorded_rank.h"

#include "base/cores.h"
#include "layout/sites.h"
#include "record/hdf5_recorder.h"
#include "replay/last_words.h"
#include "replay/rank_run.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace radixbench {
namespace {

RecorderOptions recorder_options(const ReplayPlan& plan) {
  RecorderOptions options;
  options.is_lossless = plan.options.engine.clock == ClockMode::kVirtual;
  for (const SiteContract& contract : site_contracts()) {
    options.sites.emplace_back(static_cast<std::uint16_t>(contract.site), contract.name);
  }
  return options;
}

RunVariables variables_of(const ReplayPlan& plan) {
  const ReplayOptions& options = plan.options;
  const Layout& layout = plan.layout;
  return {.scenario = plan.trace_name(),
          .layout = layout.spec(),
          .tp = static_cast<std::int32_t>(layout.attn_tp_size()),
          .cp = static_cast<std::int32_t>(layout.attn_cp_size()),
          .dp = static_cast<std::int32_t>(layout.attn_dp_size()),
          .pp = static_cast<std::int32_t>(layout.sizes().pp),
          .rules = describe(options.rules),
          .agreement = std::string{to_string(options.agreement)},
          .transport = std::string{to_string(options.transport)},
          .policy = std::string{to_string(options.policy)},
          .clock = options.engine.clock == ClockMode::kVirtual ? "virtual" : "wall",
          .page_size = static_cast<std::int32_t>(options.engine.page_tokens)};
}

}  // namespace

RankIdentity identity_of(const ReplayPlan& plan, Rank rank) {
  return {.run_id = plan.run_id,
          .rank = rank,
          .world_size = plan.layout.world_size(),
          .local_rank = rank,
          .clock = plan.options.engine.clock == ClockMode::kVirtual ? "virtual" : "wall",
          .options = plan.options.as_text,
          .provenance = plan.provenance,
          .variables = variables_of(plan)};
}

std::string rank_file(const ReplayPlan& plan, Rank rank) {
  return fmt::format("{}/rank{:05}.h5", plan.rank_directory, rank);
}

Result<void> run_recorded_rank(const ReplayPlan& plan,
                               Fabric& fabric,
                               RankStatusSink& status,
                               const RingMemory& memory,
                               LastWords* last_words) {
  RingRecorder ring{memory};
  ring.beat();
  status.reached(RankPhase::kStarting);
  Result<std::unique_ptr<Recorder>> recorder = open_hdf5_recorder(
      rank_file(plan, fabric.rank()), identity_of(plan, fabric.rank()), recorder_options(plan));
  if (!recorder) return tl::unexpected(recorder.error());
  if (plan.options.pins_ranks) {
    if (Result<void> pinned = pin_to_core(fabric.rank()); !pinned) {
      return tl::unexpected(std::move(pinned.error()).while_doing("--pin-ranks"));
    }
  }
  if (last_words != nullptr) last_words->keep(recorder->get());
  RankResult result = run_rank(plan, fabric, **recorder, status, ring);
  if (!result.ended) status.failed(result.ended.error());
  status.reached(RankPhase::kClosing);
  if (last_words != nullptr) last_words->keep(nullptr);
  const std::uint64_t dropped = (*recorder)->dropped_count();
  result.counters.push_back({"record.rows_dropped", dropped, "1"});
  Result<void> closed = (*recorder)->close(
      result.ended ? RankStatus::kComplete : RankStatus::kAborted, result.counters);
  if (!result.ended) return result.ended;
  if (closed) status.reached(RankPhase::kDone);
  return closed;
}

}  // namespace radixbench

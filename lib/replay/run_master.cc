#include "replay/run_master.h"

#include "base/check.h"
#include "record/hdf5_master.h"
#include "record/run_folder.h"
#include "stats/metrics.h"

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

// What its registry says of a metric goes with every value of it.
const MetricInfo& info_of(const std::string& metric) {
  const MetricInfo* info = find_metric(metric);
  RADIXBENCH_CHECK(info != nullptr);
  return *info;
}

SummaryCell exact(std::string metric, std::uint64_t value) {
  const MetricInfo& info = info_of(metric);
  return {.metric = std::move(metric),
          .stat = "total",
          .unit = std::string{info.unit},
          .metric_class = MetricClass::kExact,
          .direction = info.direction,
          .n = 1,
          .value = static_cast<double>(value)};
}

SummaryCell times(std::string metric, const Distribution& of, std::uint64_t discarded) {
  const MetricInfo& info = info_of(metric);
  return {.metric = std::move(metric),
          .stat = "p50",
          .unit = std::string{info.unit},
          .metric_class = MetricClass::kNoisy,
          .direction = info.direction,
          .n = of.count,
          .value = static_cast<double>(of.p50),
          .floor = static_cast<double>(of.p05),
          .p50 = static_cast<double>(of.p50),
          .p95 = static_cast<double>(of.p95),
          .p99 = static_cast<double>(of.p99),
          .max = static_cast<double>(of.max),
          .mean = of.mean,
          .stddev = of.stddev,
          .discarded = discarded};
}

}  // namespace

std::vector<SummaryCell> summary_cells(const RunSummary& summary) {
  const TierTokens& tokens = summary.tokens;
  const PrefetchFates& fates = summary.fates;
  std::vector<SummaryCell> cells = {
      exact("requests_served", summary.requests_served),
      exact("requests_aborted", summary.requests_aborted),
      exact("steps", summary.steps),
      exact("agreements", summary.agreements),
      exact("wire_ops", summary.wire_ops),
      exact("tokens_input", tokens.input),
      exact("tokens_device", tokens.device),
      exact("tokens_host", tokens.host),
      exact("tokens_storage", tokens.storage),
      exact("tokens_computed", tokens.computed),
      exact("prefetch_requested", fates.requested),
      exact("prefetch_not_in_storage", fates.not_in_storage),
      exact("prefetch_below_threshold", fates.below_threshold),
      exact("prefetch_cut", fates.cut),
      exact("prefetch_existing", fates.existing),
      exact("prefetch_aborted", fates.aborted),
      exact("prefetch_no_room", fates.no_room),
      exact("prefetch_inserted", fates.inserted),
      exact("prefetch_used", fates.used),
      times("agreement_per_step", summary.agreement_ns, summary.operations_unjoined),
      times("agreement_per_step_max", summary.agreement_max_ns, summary.steps_unjoined),
      times("agreement_per_step_skew", summary.agreement_skew_ns, summary.steps_unjoined),
      times("blocked_per_step", summary.blocked_ns, 0),
      times("blocked_per_step_max", summary.blocked_max_ns, 0),
      times("wait", summary.wait_ns, summary.operations_unjoined),
      times("wire", summary.wire_ns, summary.operations_unjoined),
      times("skew", summary.skew_ns, summary.operations_unjoined),
      times("drain_per_step", summary.drain_ns, 0),
      times("drain_per_step_max", summary.drain_max_ns, 0),
      times("drain_per_step_skew", summary.drain_skew_ns, 0),
      times("confirm_delay", summary.confirm_ns, summary.confirm_missing)};
  for (const SiteSummary& site : summary.sites) {
    if (!site.site.is_control) continue;
    cells.push_back(exact("agreements." + site.site.name, site.agreements));
    cells.push_back(exact("wire_ops." + site.site.name, site.wire_ops));
  }
  return cells;
}

Result<void> write_run_master(const std::string& directory,
                              RankIdentity identity,
                              const RunData& data,
                              const std::vector<std::vector<JoinedColumns>>& joined,
                              const RunSummary& summary) {
  MasterContent content;
  content.variables = identity.variables;
  content.cells = summary_cells(summary);
  content.ranks.resize(identity.world_size);
  for (Rank rank = 0; rank < identity.world_size; ++rank) {
    content.ranks[rank].rank = rank;
    content.ranks[rank].file = rank_file_name(rank);
  }
  std::int64_t overhead_ns = 0;
  for (std::size_t i = 0; i < data.ranks.size(); ++i) {
    overhead_ns = std::max(overhead_ns, data.ranks[i].clock_overhead_ns);
    MasterRank& entry = content.ranks[data.ranks[i].identity.rank];
    entry.data = &data.ranks[i];
    for (std::size_t phase = 0; phase < entry.joined.size() && phase < joined[i].size(); ++phase) {
      const JoinedColumns& columns = joined[i][phase];
      entry.joined.at(phase) = {
          columns.wait_ns, columns.wire_ns, columns.skew_ns, columns.last_rank};
    }
  }
  identity.provenance.emplace_back("clock_overhead_ns", std::to_string(overhead_ns));
  content.identity = std::move(identity);
  return write_hdf5_master(directory, content);
}

}  // namespace radixbench

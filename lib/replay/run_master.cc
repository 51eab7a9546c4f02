#include "replay/run_master.h"

#include "record/hdf5_master.h"
#include "record/run_folder.h"

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

SummaryCell exact(std::string metric, std::string unit, std::uint64_t value, int direction) {
  return {.metric = std::move(metric),
          .stat = "total",
          .unit = std::move(unit),
          .metric_class = MetricClass::kExact,
          .direction = static_cast<std::int8_t>(direction),
          .n = 1,
          .value = static_cast<double>(value)};
}

// Times: less is better, and a virtual run's clock makes its own times exact.
SummaryCell times(std::string metric,
                  const Distribution& of,
                  std::uint64_t discarded,
                  MetricClass metric_class) {
  return {.metric = std::move(metric),
          .stat = "p50",
          .unit = "ns",
          .metric_class = metric_class,
          .direction = -1,
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
      exact("requests_served", "1", summary.requests_served, 0),
      exact("requests_aborted", "1", summary.requests_aborted, 0),
      exact("steps", "1", summary.steps, 0),
      exact("agreements", "1", summary.agreements, -1),
      exact("wire_ops", "1", summary.wire_ops, -1),
      exact("tokens_input", "1", tokens.input, 0),
      exact("tokens_device", "1", tokens.device, 1),
      exact("tokens_host", "1", tokens.host, 1),
      exact("tokens_storage", "1", tokens.storage, 1),
      exact("tokens_computed", "1", tokens.computed, -1),
      exact("prefetch_requested", "1", fates.requested, 0),
      exact("prefetch_not_in_storage", "1", fates.not_in_storage, 0),
      exact("prefetch_below_threshold", "1", fates.below_threshold, 0),
      exact("prefetch_cut", "1", fates.cut, -1),
      exact("prefetch_existing", "1", fates.existing, -1),
      exact("prefetch_aborted", "1", fates.aborted, 0),
      exact("prefetch_no_room", "1", fates.no_room, -1),
      exact("prefetch_inserted", "1", fates.inserted, 1),
      exact("prefetch_used", "1", fates.used, 1),
      times("agreement_per_step",
            summary.agreement_ns,
            summary.operations_unjoined,
            MetricClass::kNoisy),
      times("blocked_per_step", summary.blocked_ns, 0, MetricClass::kNoisy),
      times("wait", summary.wait_ns, summary.operations_unjoined, MetricClass::kNoisy),
      times("wire", summary.wire_ns, summary.operations_unjoined, MetricClass::kNoisy),
      times("drain_per_step", summary.drain_ns, 0, MetricClass::kNoisy),
      times("confirm_delay", summary.confirm_ns, summary.confirm_missing, MetricClass::kNoisy)};
  for (const SiteSummary& site : summary.sites) {
    if (!site.site.is_control) continue;
    cells.push_back(exact("agreements." + site.site.name, "1", site.agreements, -1));
    cells.push_back(exact("wire_ops." + site.site.name, "1", site.wire_ops, -1));
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

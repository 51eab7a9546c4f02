#include "replay/run_data.h"

#include "layout/sites.h"

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

SampleView view_of(const SampleColumns& columns) {
  return {.t_enter_ns = columns.t_enter_ns,
          .t_exit_ns = columns.t_exit_ns,
          .step = columns.step,
          .request_id = columns.request_id,
          .op_seq = columns.op_seq,
          .values = {columns.values[0], columns.values[1], columns.values[2]},
          .group_id = columns.group_id,
          .site = columns.site,
          .flags = columns.flags};
}

RequestFacts facts_of(const RequestRow& row) {
  return {.request_id = row.request_id,
          .end = static_cast<RequestEnd>(row.is_aborted),
          .input = row.input,
          .device = row.device,
          .host = row.host,
          .storage = row.storage,
          .computed = row.computed,
          .last_token = row.last_token,
          .below_page = row.below_page,
          .load_back_refused = row.load_back_refused,
          .prefetch_cut = row.prefetch_cut,
          .output = row.output};
}

PrefetchFacts facts_of(const PrefetchRow& row) {
  return {.request_id = row.request_id,
          .started_step = row.started_step,
          .applied_step = row.applied_step,
          .last_page_ns = row.last_page_ns,
          .applied_ns = row.applied_ns,
          .requested = row.requested,
          .not_in_storage = row.not_in_storage,
          .below_threshold = row.below_threshold,
          .cut = row.cut,
          .existing = row.existing,
          .aborted = row.aborted,
          .no_room = row.no_room,
          .inserted = row.inserted,
          .used = row.used};
}

StepFacts facts_of(const StepRow& row) {
  return {.step = row.step,
          .now_ns = row.now_ns,
          .digest = row.digest,
          .blocked_ns = row.blocked_ns,
          .agreements = row.agreements,
          .wire_ops = row.wire_ops};
}

std::vector<SiteTotals> site_totals(const RankData& data) {
  std::vector<SiteTotals> totals;
  totals.reserve(site_contracts().size());
  for (const SiteContract& contract : site_contracts()) {
    if (!contract.is_control) continue;
    const std::string name{contract.name};
    totals.push_back({.code = static_cast<std::uint16_t>(contract.site),
                      .agreements = counter(data, "agreements." + name),
                      .wire_ops = counter(data, "wire_ops." + name)});
  }
  return totals;
}

RankView view_of(const RankData& data, const Layout& layout) {
  const Rank rank = data.identity.rank;
  RankView view{.rank = rank,
                .replica = layout.coordinates(rank).attn_dp_rank,
                .is_lead = layout.replica(rank).front() == rank,
                .is_closed = data.status != RankStatus::kRunning,
                .rows_dropped = data.rows_dropped,
                .groups = {},
                .phases = {},
                .steps = {},
                .requests = {},
                .prefetches = {},
                .sites = site_totals(data)};
  view.groups.reserve(data.groups.size());
  view.phases.reserve(data.samples.size());
  view.steps.reserve(data.steps.size());
  view.requests.reserve(data.requests.size());
  view.prefetches.reserve(data.prefetches.size());
  for (const GroupRow& group : data.groups) {
    view.groups.push_back({group.group_id, group.name, group.members});
  }
  for (const SampleColumns& columns : data.samples) view.phases.push_back(view_of(columns));
  for (const StepRow& row : data.steps) view.steps.push_back(facts_of(row));
  for (const RequestRow& row : data.requests) view.requests.push_back(facts_of(row));
  for (const PrefetchRow& row : data.prefetches) view.prefetches.push_back(facts_of(row));
  return view;
}

}  // namespace

std::uint64_t counter(const RankData& data, const std::string& name) {
  const auto found = std::ranges::find(data.counters, name, &CounterRow::name);
  return found == data.counters.end() ? 0 : found->value;
}

RunData read_run(const std::vector<std::string>& paths) {
  RunData run;
  for (const std::string& path : paths) {
    Result<RankData> data = read_hdf5_rank(path);
    if (data)
      run.ranks.push_back(std::move(*data));
    else
      run.missing.push_back(data.error().message);
  }
  return run;
}

std::vector<RankView> rank_views(const RunData& data, const Layout& layout) {
  std::vector<RankView> views;
  views.reserve(data.ranks.size());
  for (const RankData& rank : data.ranks) views.push_back(view_of(rank, layout));
  return views;
}

std::vector<SiteInfo> site_infos() {
  std::vector<SiteInfo> infos;
  infos.reserve(site_contracts().size());
  for (const SiteContract& contract : site_contracts()) {
    infos.push_back({.code = static_cast<std::uint16_t>(contract.site),
                     .name = std::string{contract.name},
                     .is_control = contract.is_control,
                     .is_scheduler = contract.thread == SiteThread::kScheduler,
                     .is_drain = contract.site == Site::kDrainStorageControlQueues,
                     .has_request = contract.members == SiteMembers::kPerKey,
                     .is_length = contract.site == Site::kCheckPrefetchProgress});
  }
  return infos;
}

}  // namespace radixbench

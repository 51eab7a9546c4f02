#include "record/hdf5_reader.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_open.h"
#include "record/hdf5_rank_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace radixbench {
namespace {

[[noreturn]] void throw_corrupt(std::string message) {
  throw Hdf5Failure{{ErrorCode::kCorrupt, std::move(message)}};
}

RankIdentity read_identity(hid_t file) {
  RankIdentity identity = read_file_identity(file);
  identity.rank = static_cast<Rank>(read_u64(file, "rank"));
  identity.local_rank = static_cast<std::uint32_t>(read_u64(file, "local_rank"));
  return identity;
}

template <typename Cell>
std::vector<Cell> read_cells(hid_t file,
                             const TableSchema& schema,
                             std::size_t column,
                             std::uint64_t rows) {
  std::vector<Cell> cells(rows);
  read_column(file, schema.path, schema.columns[column], rows, cells.data());
  return cells;
}

// The columns in the order of sample_schema, after the row number.
SampleColumns read_samples(hid_t file, const TableSchema& schema) {
  const std::uint64_t rows = read_rows_committed(file, schema);
  SampleColumns samples;
  samples.t_enter_ns = read_cells<std::int64_t>(file, schema, 1, rows);
  samples.t_exit_ns = read_cells<std::int64_t>(file, schema, 2, rows);
  samples.step = read_cells<std::uint64_t>(file, schema, 3, rows);
  samples.site = read_cells<std::uint16_t>(file, schema, 4, rows);
  samples.request_id = read_cells<std::uint64_t>(file, schema, 5, rows);
  samples.group_id = read_cells<std::uint16_t>(file, schema, 6, rows);
  samples.op_seq = read_cells<std::uint64_t>(file, schema, 7, rows);
  for (std::size_t index = 0; index < samples.values.size(); ++index) {
    samples.values[index] = read_cells<std::int64_t>(file, schema, 8 + index, rows);
  }
  samples.flags = read_cells<std::uint16_t>(file, schema, 11, rows);
  return samples;
}

// Digests and steps are the same rows; a table may be a flush ahead of the other.
std::vector<StepRow> read_steps(hid_t file) {
  const TableSchema steps = step_schema();
  const TableSchema digests = digest_schema();
  std::vector<StepRow> rows(
      std::min(read_rows_committed(file, steps), read_rows_committed(file, digests)));
  read_table(file, steps, rows.size(), rows.data());
  read_table(file, digests, rows.size(), rows.data());
  return rows;
}

std::vector<RequestRow> read_requests(hid_t file) {
  const TableSchema requests = request_schema();
  const TableSchema tiers = tier_schema();
  std::vector<RequestRow> rows(
      std::min(read_rows_committed(file, requests), read_rows_committed(file, tiers)));
  read_table(file, requests, rows.size(), rows.data());
  read_table(file, tiers, rows.size(), rows.data());
  return rows;
}

template <std::size_t kBytes>
std::string to_text(const char (&cells)[kBytes]) {
  return {cells, std::find(cells, cells + kBytes, '\0')};
}

std::vector<GroupRow> read_groups(hid_t file) {
  const std::vector<GroupCells> cells = read_rows<GroupCells>(file, group_schema());
  const std::vector<Rank> members = read_rows<Rank>(file, member_schema());
  std::vector<GroupRow> groups;
  for (const auto& group : cells) {
    if (group.member_offset > members.size() ||
        group.member_count > members.size() - group.member_offset) {
      throw_corrupt(
          fmt::format("group {} has members beyond the table of members", group.group_id));
    }
    const auto first = members.begin() + group.member_offset;
    groups.push_back(
        {group.group_id, to_text(group.name), {first, first + group.member_count}, group.my_index});
  }
  return groups;
}

std::vector<CounterRow> read_counters(hid_t file) {
  std::vector<CounterRow> counters;
  for (const auto& cells : read_rows<CounterCells>(file, counter_schema())) {
    counters.push_back(to_counter_row(cells));
  }
  return counters;
}

RankData read_all(hid_t file) {
  check_file_kind(file, kRankKind);
  RankData data;
  data.identity = read_identity(file);
  data.status = read_status(file);
  data.sites = read_codes(file, "/samples/consensus/site");
  data.clock_overhead_ns = read_i64(file, "clock_overhead_ns");
  data.clock_to_realtime_ns = read_i64(file, "clock_to_realtime_ns");
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    data.samples[phase] = read_samples(file, sample_schema(static_cast<Phase>(phase), {}));
  }
  data.steps = read_steps(file);
  data.requests = read_requests(file);
  data.prefetches = read_rows<PrefetchRow>(file, prefetch_schema());
  data.groups = read_groups(file);
  data.counters = read_counters(file);
  data.monitor = read_rows<MonitorRow>(file, monitor_schema());
  for (const auto& schema : rank_schemas({})) {
    data.rows_dropped += read_rows_dropped(file, schema.path);
  }
  return data;
}

}  // namespace

std::uint64_t row_count(const RankData& data) {
  std::uint64_t rows = data.steps.size() + data.requests.size() + data.prefetches.size() +
                       data.groups.size() + data.counters.size() + data.monitor.size();
  for (const auto& samples : data.samples) rows += samples.size();
  return rows;
}

Result<RankData> read_hdf5_rank(const std::string& path) {
  return hdf5_guard(path, [&] { return read_all(open_to_read(path).id()); });
}

Result<std::uint64_t> read_hdf5_rows_committed(const std::string& path) {
  return hdf5_guard(path, [&] {
    const Hdf5File file = open_to_read(path);
    std::uint64_t rows = 0;
    for (const auto& schema : rank_schemas({})) rows += read_rows_committed(file.id(), schema);
    return rows;
  });
}

}  // namespace radixbench

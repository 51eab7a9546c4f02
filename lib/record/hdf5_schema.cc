#include "record/hdf5_schema.h"

#include "base/check.h"
#include "record/recorder.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace radixbench {
namespace {

constexpr const char* kNs = "ns";
constexpr const char* kOne = "1";

ColumnSchema row_number(std::string name) {
  return {std::move(name), CellType::kU64, kRowNumber, kOne, "row of this table"};
}

ColumnSchema u64(std::string name, std::size_t offset, std::string long_name) {
  return {std::move(name), CellType::kU64, offset, kOne, std::move(long_name)};
}

ColumnSchema u32(std::string name, std::size_t offset, std::string long_name) {
  return {std::move(name), CellType::kU32, offset, kOne, std::move(long_name)};
}

ColumnSchema i64(std::string name, std::size_t offset, std::string long_name) {
  return {std::move(name), CellType::kI64, offset, kOne, std::move(long_name)};
}

ColumnSchema any_i64(std::string name, std::size_t offset, std::string long_name) {
  ColumnSchema column = i64(std::move(name), offset, std::move(long_name));
  column.has_missing = false;
  return column;
}

ColumnSchema ns(std::string name, std::size_t offset, std::string long_name) {
  return {std::move(name), CellType::kI64, offset, kNs, std::move(long_name)};
}

// Of the machine's clock.
ColumnSchema wall_ns(std::string name, std::size_t offset, std::string long_name) {
  ColumnSchema column = ns(std::move(name), offset, std::move(long_name));
  column.is_noisy = true;
  return column;
}

ColumnSchema category(
    std::string name, CellType type, std::size_t offset, std::string long_name, CodeNames codes) {
  return {std::move(name), type, offset, kOne, std::move(long_name), std::move(codes)};
}

ColumnSchema text(std::string name, std::size_t offset, std::size_t bytes, std::string long_name) {
  return {std::move(name), CellType::kText, offset, kOne, std::move(long_name), {}, bytes};
}

constexpr std::size_t value_offset(std::size_t index) {
  return offsetof(SampleRow, values) + index * sizeof(std::int64_t);
}

}  // namespace

std::size_t cell_bytes(const ColumnSchema& column) {
  switch (column.type) {
    case CellType::kU8:
    case CellType::kI8: return 1;
    case CellType::kU16: return 2;
    case CellType::kU32:
    case CellType::kI32:
    case CellType::kF32: return 4;
    case CellType::kU64:
    case CellType::kI64:
    case CellType::kF64: return 8;
    case CellType::kText: return column.text_bytes;
  }
  RADIXBENCH_CHECK(false);
}

GroupCells to_group_cells(const GroupRow& row, std::uint32_t member_offset) {
  GroupCells cells;
  cells.group_id = row.group_id;
  cells.my_index = row.my_index;
  cells.member_offset = member_offset;
  cells.member_count = static_cast<std::uint32_t>(row.members.size());
  std::memcpy(cells.name, row.name.data(), std::min(row.name.size(), kGroupNameBytes));
  return cells;
}

CounterCells to_counter_cells(const CounterRow& row) {
  CounterCells cells;
  cells.value = row.value;
  std::memcpy(cells.name, row.name.data(), std::min(row.name.size(), kCounterNameBytes));
  std::memcpy(cells.unit, row.unit.data(), std::min(row.unit.size(), kCounterUnitBytes));
  return cells;
}

CounterRow to_counter_row(const CounterCells& cells) {
  return {{cells.name, std::find(cells.name, cells.name + kCounterNameBytes, '\0')},
          cells.value,
          {cells.unit, std::find(cells.unit, cells.unit + kCounterUnitBytes, '\0')}};
}

TableSchema sample_schema(Phase phase, const CodeNames& sites) {
  using Row = SampleRow;
  ColumnSchema flags =
      category("flags", CellType::kU16, offsetof(Row, flags), "bits", {{1, "failed"}});
  flags.is_mask = true;
  flags.has_missing = false;
  return {"/samples/" + std::string{to_string(phase)},
          sizeof(Row),
          {row_number("sample"),
           wall_ns("t_enter_ns", offsetof(Row, t_enter_wall_ns), "the rank called"),
           wall_ns("t_exit_ns", offsetof(Row, t_exit_wall_ns), "the call returned"),
           u64("step", offsetof(Row, step), "scheduler iteration"),
           category("site", CellType::kU16, offsetof(Row, site), "call site", sites),
           u64("request_id", offsetof(Row, request_id), "request asked about, or 0"),
           {"group_id", CellType::kU16, offsetof(Row, group_id), kOne, "see /groups"},
           u64("op_seq", offsetof(Row, op_seq), "the group's calls, from 0"),
           any_i64("value0", value_offset(0), "first value the call left in place"),
           any_i64("value1", value_offset(1), "second value the call left in place"),
           any_i64("value2", value_offset(2), "third value the call left in place"),
           flags}};
}

TableSchema step_schema() {
  using Row = StepRow;
  return {"/steps",
          sizeof(Row),
          {u64("step", offsetof(Row, step), "scheduler iteration"),
           ns("now_ns", offsetof(Row, now_ns), "the run's clock"),
           wall_ns("blocked_ns", offsetof(Row, blocked_ns), "wall time inside agreements"),
           u32("agreements", offsetof(Row, agreements), "calls of the agreement at a site"),
           u32("wire_ops", offsetof(Row, wire_ops), "operations on groups of several ranks"),
           u32("examined", offsetof(Row, examined), "waiting requests asked about"),
           u32("answered", offsetof(Row, answered), "of them, prefetches that may stop"),
           u32("running", offsetof(Row, running), "requests that run"),
           u32("waiting", offsetof(Row, waiting), "requests that wait"),
           category("kind",
                    CellType::kU8,
                    offsetof(Row, kind),
                    "what the step computed",
                    {{0, "idle"}, {1, "prefill"}, {2, "decode"}})}};
}

TableSchema digest_schema() {
  using Row = StepRow;
  ColumnSchema digest = u64("digest", offsetof(Row, digest), "of the agreed state");
  digest.has_missing = false;
  digest.is_noisy = true;
  return {
      "/digests", sizeof(Row), {u64("step", offsetof(Row, step), "scheduler iteration"), digest}};
}

TableSchema request_schema() {
  using Row = RequestRow;
  return {"/requests",
          sizeof(Row),
          {u64("request_id", offsetof(Row, request_id), "position in the trace as replayed"),
           ns("arrival_ns", offsetof(Row, arrival_ns), "the run's clock"),
           ns("admitted_ns", offsetof(Row, admitted_ns), "the run's clock; missing: never"),
           ns("finished_ns", offsetof(Row, finished_ns), "the run's clock; missing: never"),
           u64("admitted_step", offsetof(Row, admitted_step), "scheduler iteration"),
           u32("output", offsetof(Row, output), "tokens generated"),
           category("outcome",
                    CellType::kU8,
                    offsetof(Row, is_aborted),
                    "how it ended",
                    {{0, "served"}, {1, "aborted"}, {2, "rejected"}})}};
}

TableSchema tier_schema() {
  using Row = RequestRow;
  return {"/cache/tiers",
          sizeof(Row),
          {u64("request_id", offsetof(Row, request_id), "position in the trace as replayed"),
           u32("input", offsetof(Row, input), "tokens: device + host + storage + computed"),
           u32("device", offsetof(Row, device), "tokens found on the device"),
           u32("host", offsetof(Row, host), "tokens loaded back from the host"),
           u32("storage", offsetof(Row, storage), "tokens its own prefetch brought"),
           u32("computed", offsetof(Row, computed), "tokens computed"),
           u32("last_token", offsetof(Row, last_token), "of computed: always computed"),
           u32("below_page", offsetof(Row, below_page), "of computed: less than a page"),
           u32("load_back_refused",
               offsetof(Row, load_back_refused),
               "of computed: on the host, not loaded"),
           u32("prefetch_cut",
               offsetof(Row, prefetch_cut),
               "of computed: in storage, not brought in time")}};
}

TableSchema prefetch_schema() {
  using Row = PrefetchRow;
  return {"/prefetches",
          sizeof(Row),
          {row_number("prefetch"),
           u64("request_id", offsetof(Row, request_id), "request it was made for"),
           u64("started_step", offsetof(Row, started_step), "scheduler iteration"),
           u64("applied_step", offsetof(Row, applied_step), "scheduler iteration"),
           ns("started_ns", offsetof(Row, started_ns), "the run's clock"),
           ns("last_page_ns", offsetof(Row, last_page_ns), "this rank's last agreed page came"),
           ns("applied_ns", offsetof(Row, applied_ns), "its result reached the tree"),
           i64("own_completed", offsetof(Row, own_completed), "tokens this rank had by then"),
           u32("requested", offsetof(Row, requested), "tokens: the sum of the fates"),
           u32("not_in_storage", offsetof(Row, not_in_storage), "beyond the agreed hit"),
           u32("below_threshold", offsetof(Row, below_threshold), "revoked: hit too short"),
           u32("cut", offsetof(Row, cut), "hit, not on every rank at the stop"),
           u32("existing", offsetof(Row, existing), "brought, but the tree had it"),
           u32("aborted", offsetof(Row, aborted), "its request was taken back"),
           u32("no_room", offsetof(Row, no_room), "no host pages on this rank"),
           u32("inserted", offsetof(Row, inserted), "into the tree"),
           u32("used", offsetof(Row, used), "of inserted, by the request that asked")}};
}

TableSchema group_schema() {
  using Row = GroupCells;
  return {"/groups",
          sizeof(Row),
          {row_number("group"),
           {"group_id", CellType::kU16, offsetof(Row, group_id), kOne, "as samples write it"},
           u32("my_index", offsetof(Row, my_index), "this rank's place in it"),
           u32("member_offset", offsetof(Row, member_offset), "into members/rank"),
           u32("member_count", offsetof(Row, member_count), "ranks in it"),
           text("name", offsetof(Row, name), kGroupNameBytes, "kind and members")}};
}

TableSchema member_schema() {
  return {"/groups/members",
          sizeof(Rank),
          {row_number("member"), u32("rank", 0, "world rank, in the group's order")}};
}

TableSchema counter_schema() {
  using Row = CounterCells;
  return {"/counters",
          sizeof(Row),
          {row_number("counter"),
           u64("value", offsetof(Row, value), "exact: equal in two runs of equal options"),
           text("name", offsetof(Row, name), kCounterNameBytes, "what is counted"),
           text("unit", offsetof(Row, unit), kCounterUnitBytes, "what it is counted in")}};
}

TableSchema monitor_schema() {
  using Row = MonitorRow;
  return {
      "/monitor",
      sizeof(Row),
      {wall_ns("t_ns", offsetof(Row, t_wall_ns), "CLOCK_MONOTONIC"),
       {"load1", CellType::kF32, offsetof(Row, load1), kOne, "load average of a minute"},
       {"steal", CellType::kF32, offsetof(Row, steal), kOne, "share of CPU time stolen"},
       {"cpu_mhz", CellType::kF32, offsetof(Row, cpu_mhz), "MHz", "of a core; missing: unknown"},
       u64("ctxsw_inv", offsetof(Row, involuntary_switches), "of the process so far"),
       {"rss", CellType::kU64, offsetof(Row, rss_bytes), "bytes", "resident memory"}}};
}

}  // namespace radixbench

#include "record/hdf5_master_schema.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace radixbench {
namespace {

constexpr const char* kOne = "1";
// RankStatus, and one more for a file that can't be read.
constexpr std::uint8_t kMissingStatus = 4;

template <std::size_t kBytes>
void put(char (&cells)[kBytes], const std::string& text) {
  std::memcpy(cells, text.data(), std::min(text.size(), kBytes));
}

template <std::size_t kBytes>
std::string get(const char (&cells)[kBytes]) {
  return {cells, std::find(cells, cells + kBytes, '\0')};
}

template <std::size_t kBytes>
ColumnSchema text(const char* name, std::size_t offset, const char (&)[kBytes]) {
  return {name, CellType::kText, offset, kOne, "", {}, kBytes};
}

ColumnSchema i32(const char* name, std::size_t offset) {
  return {name, CellType::kI32, offset, kOne, ""};
}

ColumnSchema u64(const char* name, std::size_t offset) {
  return {name, CellType::kU64, offset, kOne, ""};
}

ColumnSchema f64(const char* name, std::size_t offset) {
  return {name, CellType::kF64, offset, kOne, ""};
}

void append_variables(std::vector<ColumnSchema>& columns) {
  using Row = SummaryCells;
  const Row row;
  columns.insert(columns.end(),
                 {text("scenario", offsetof(Row, scenario), row.scenario),
                  text("layout", offsetof(Row, layout), row.layout),
                  i32("tp", offsetof(Row, tp)),
                  i32("cp", offsetof(Row, cp)),
                  i32("dp", offsetof(Row, dp)),
                  i32("pp", offsetof(Row, pp)),
                  text("rules", offsetof(Row, rules), row.rules),
                  text("agreement", offsetof(Row, agreement), row.agreement),
                  text("transport", offsetof(Row, transport), row.transport),
                  text("policy", offsetof(Row, policy), row.policy),
                  text("clock", offsetof(Row, clock), row.clock),
                  i32("page_size", offsetof(Row, page_size))});
}

void append_values(std::vector<ColumnSchema>& columns) {
  using Row = SummaryCells;
  columns.insert(columns.end(),
                 {u64("n", offsetof(Row, n)),
                  f64("value", offsetof(Row, value)),
                  f64("floor", offsetof(Row, floor)),
                  f64("p50", offsetof(Row, p50)),
                  f64("p95", offsetof(Row, p95)),
                  f64("p99", offsetof(Row, p99)),
                  f64("max", offsetof(Row, max)),
                  f64("mean", offsetof(Row, mean)),
                  f64("stddev", offsetof(Row, stddev)),
                  u64("discarded", offsetof(Row, discarded)),
                  i32("bench_version", offsetof(Row, bench_version))});
}

}  // namespace

RankFileCells to_cells(const RankFileEntry& entry) {
  RankFileCells cells;
  cells.rank = static_cast<std::int32_t>(entry.rank);
  put(cells.file, entry.file);
  cells.bytes = entry.bytes;
  cells.rows = entry.rows;
  put(cells.sha256, entry.sha256);
  cells.status = entry.is_readable ? static_cast<std::uint8_t>(entry.status) : kMissingStatus;
  return cells;
}

RankFileEntry to_entry(const RankFileCells& cells) {
  RankFileEntry entry;
  entry.rank = static_cast<Rank>(cells.rank);
  entry.file = get(cells.file);
  entry.sha256 = get(cells.sha256);
  entry.bytes = cells.bytes;
  entry.rows = cells.rows;
  entry.is_readable = cells.status < kMissingStatus;
  if (entry.is_readable) entry.status = static_cast<RankStatus>(cells.status);
  return entry;
}

TableSchema rank_file_schema() {
  using Row = RankFileCells;
  const Row row;
  return {"/rank_files",
          sizeof(Row),
          {i32("rank", offsetof(Row, rank)),
           text("file", offsetof(Row, file), row.file),
           u64("bytes", offsetof(Row, bytes)),
           u64("rows", offsetof(Row, rows)),
           text("sha256", offsetof(Row, sha256), row.sha256),
           {"status",
            CellType::kU8,
            offsetof(Row, status),
            kOne,
            "",
            {{0, "running"},
             {1, "complete"},
             {2, "aborted"},
             {3, "recovered"},
             {kMissingStatus, "missing"}}}}};
}

SummaryCells to_cells(const RunVariables& variables, const SummaryCell& cell) {
  SummaryCells cells;
  put(cells.scenario, variables.scenario);
  put(cells.layout, variables.layout);
  cells.tp = variables.tp;
  cells.cp = variables.cp;
  cells.dp = variables.dp;
  cells.pp = variables.pp;
  put(cells.rules, variables.rules);
  put(cells.agreement, variables.agreement);
  put(cells.transport, variables.transport);
  put(cells.policy, variables.policy);
  put(cells.clock, variables.clock);
  cells.page_size = variables.page_size;
  put(cells.metric, cell.metric);
  put(cells.stat, cell.stat);
  put(cells.unit, cell.unit);
  cells.metric_class = static_cast<std::uint8_t>(cell.metric_class);
  cells.direction = cell.direction;
  cells.n = cell.n;
  cells.value = cell.value;
  cells.floor = cell.floor;
  cells.p50 = cell.p50;
  cells.p95 = cell.p95;
  cells.p99 = cell.p99;
  cells.max = cell.max;
  cells.mean = cell.mean;
  cells.stddev = cell.stddev;
  cells.discarded = cell.discarded;
  return cells;
}

SummaryCell to_cell(const SummaryCells& cells) {
  SummaryCell cell;
  cell.metric = get(cells.metric);
  cell.stat = get(cells.stat);
  cell.unit = get(cells.unit);
  cell.metric_class = cells.metric_class == 0 ? MetricClass::kExact : MetricClass::kNoisy;
  cell.direction = cells.direction;
  cell.n = cells.n;
  cell.value = cells.value;
  cell.floor = cells.floor;
  cell.p50 = cells.p50;
  cell.p95 = cells.p95;
  cell.p99 = cells.p99;
  cell.max = cells.max;
  cell.mean = cells.mean;
  cell.stddev = cells.stddev;
  cell.discarded = cells.discarded;
  return cell;
}

RunVariables to_variables(const SummaryCells& cells) {
  return {get(cells.scenario),
          get(cells.layout),
          cells.tp,
          cells.cp,
          cells.dp,
          cells.pp,
          get(cells.rules),
          get(cells.agreement),
          get(cells.transport),
          get(cells.policy),
          get(cells.clock),
          cells.page_size};
}

TableSchema summary_schema() {
  using Row = SummaryCells;
  const Row row;
  TableSchema schema{"/summary/cells", sizeof(Row), {}};
  append_variables(schema.columns);
  schema.columns.insert(schema.columns.end(),
                        {text("metric", offsetof(Row, metric), row.metric),
                         text("stat", offsetof(Row, stat), row.stat),
                         text("unit", offsetof(Row, unit), row.unit),
                         {"metric_class",
                          CellType::kU8,
                          offsetof(Row, metric_class),
                          kOne,
                          "",
                          {{0, "exact"}, {1, "noisy"}}},
                         {"direction", CellType::kI8, offsetof(Row, direction), kOne, ""},
                         i32("launch", offsetof(Row, launch)),
                         i32("pair", offsetof(Row, pair)),
                         {"side", CellType::kU8, offsetof(Row, side), kOne, ""}});
  append_values(schema.columns);
  return schema;
}

ColumnSchema rank_column(std::size_t offset) {
  return {"rank", CellType::kU32, offset, kOne, "the rank that wrote the row"};
}

ColumnSchema row_column(const std::string& name) {
  return {name, CellType::kU64, kRowNumber, kOne, "row of this table"};
}

TableSchema with_rank(TableSchema schema, std::size_t row_offset, std::size_t row_bytes) {
  schema.row_bytes = row_bytes;
  for (auto& column : schema.columns) {
    if (column.offset != kRowNumber) column.offset += row_offset;
  }
  // A table of all ranks repeats what numbers the rows of one.
  if (schema.columns[0].offset != kRowNumber) {
    schema.columns.insert(schema.columns.begin(), row_column("row"));
  }
  schema.columns.insert(schema.columns.begin() + 1, rank_column(0));
  return schema;
}

std::vector<ColumnSchema> joined_columns() {
  return {{"wait_ns", CellType::kI64, 0, "ns", "last enter - own enter"},
          {"wire_ns", CellType::kI64, 0, "ns", "exit - last enter"},
          {"skew_ns", CellType::kI64, 0, "ns", "last enter - first enter"},
          {"last_rank", CellType::kI32, 0, kOne, "the rank that entered last"}};
}

}  // namespace radixbench

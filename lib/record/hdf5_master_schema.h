#pragma once

#include "record/hdf5_master.h"
#include "record/hdf5_schema.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace radixbench {

// Forms of the master's rows that hold no heap, and their schemas.

struct RankFileCells {
  std::int32_t rank = 0;
  char file[64] = {};
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  char sha256[64] = {};
  std::uint8_t status = 0;
};
RankFileCells to_cells(const RankFileEntry& entry);
RankFileEntry to_entry(const RankFileCells& cells);
TableSchema rank_file_schema();

struct SummaryCells {
  char scenario[48] = {};
  char layout[64] = {};
  std::int32_t tp = 1, cp = 1, dp = 1, pp = 1;
  char rules[96] = {};
  char agreement[16] = {};
  char transport[16] = {};
  char policy[16] = {};
  char clock[16] = {};
  std::int32_t page_size = 1;
  char metric[48] = {};
  char stat[8] = {};
  char unit[16] = {};
  std::uint8_t metric_class = 0;
  std::int8_t direction = 0;
  std::int32_t launch = 0;
  std::int32_t pair = 0;
  std::uint8_t side = 0;
  std::uint64_t n = 0;
  double value = 0, floor = 0, p50 = 0, p95 = 0, p99 = 0, max = 0, mean = 0, stddev = 0;
  std::uint64_t discarded = 0;
  std::int32_t bench_version = 1;
};
SummaryCells to_cells(const RunVariables& variables, const SummaryCell& cell);
SummaryCell to_cell(const SummaryCells& cells);
RunVariables to_variables(const SummaryCells& cells);
TableSchema summary_schema();

// A row with the rank that wrote it, for tables of all ranks.
template <typename Row>
struct Ranked {
  Rank rank = 0;
  Row row{};
};

// The schema of Ranked<Row>, given Row's.
TableSchema with_rank(TableSchema schema, std::size_t row_offset, std::size_t row_bytes);
template <typename Row>
TableSchema ranked(const TableSchema& schema) {
  return with_rank(schema, offsetof(Ranked<Row>, row), sizeof(Ranked<Row>));
}

ColumnSchema rank_column(std::size_t offset);
ColumnSchema row_column(const std::string& name);
std::vector<ColumnSchema> joined_columns();  // wait_ns, wire_ns, skew_ns, last_rank

}  // namespace radixbench

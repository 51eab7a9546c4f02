#pragma once

#include "record/rows.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// Version of what docs/formats/hdf5.md describes. Additions raise the minor number, anything else
// the major one, which readers refuse.
constexpr const char* kHdf5SchemaVersion = "1.0.0";
constexpr std::int64_t kHdf5SchemaMajor = 1;

constexpr std::size_t kHdf5ChunkRows = 16'384;

enum class CellType : std::uint8_t { kU8, kU16, kU32, kU64, kI8, kI32, kI64, kF32, kF64, kText };

// A category's number and name, for CF's flag_values and flag_meanings.
using CodeNames = std::vector<std::pair<std::uint16_t, std::string>>;

// A column's place in a row struct, and what a reader of the file is told about it.
struct ColumnSchema {
  std::string name;
  CellType type = CellType::kU64;
  std::size_t offset = 0;  // kRowNumber: the row's number in its table
  std::string units;       // UDUNITS
  std::string long_name;
  CodeNames codes = {};
  std::size_t text_bytes = 0;
  bool is_mask = false;  // codes are bits
  // Some value means "not there". Hashes and what calls left in place have none to spare.
  bool has_missing = true;
  bool is_noisy = false;  // its low bytes are noise, which hardly compresses
};
constexpr std::size_t kRowNumber = SIZE_MAX;

// One-dimensional datasets of equal length in one group, with a scalar rows_committed that counts
// the rows which are there for certain. The first column is the dimension scale of the others.
struct TableSchema {
  std::string path;
  std::size_t row_bytes = 0;
  std::vector<ColumnSchema> columns;
};

std::size_t cell_bytes(const ColumnSchema& column);

// Groups and their members lie in two tables, counters need fixed text: forms of the rows that hold
// no heap.
constexpr std::size_t kGroupNameBytes = 96;
constexpr std::size_t kCounterNameBytes = 64;
constexpr std::size_t kCounterUnitBytes = 16;
struct GroupCells {
  std::uint16_t group_id = 0;
  std::uint32_t my_index = 0;
  std::uint32_t member_offset = 0;
  std::uint32_t member_count = 0;
  char name[kGroupNameBytes] = {};
};
struct CounterCells {
  std::uint64_t value = 0;
  char name[kCounterNameBytes] = {};
  char unit[kCounterUnitBytes] = {};
};

GroupCells to_group_cells(const GroupRow& row, std::uint32_t member_offset);
CounterCells to_counter_cells(const CounterRow& row);
CounterRow to_counter_row(const CounterCells& cells);

TableSchema sample_schema(Phase phase, const CodeNames& sites);
TableSchema step_schema();
TableSchema digest_schema();  // of StepRow too
TableSchema request_schema();
TableSchema tier_schema();  // of RequestRow too
TableSchema prefetch_schema();
TableSchema group_schema();    // of GroupCells
TableSchema member_schema();   // of Rank
TableSchema counter_schema();  // of CounterCells
TableSchema monitor_schema();

}  // namespace radixbench

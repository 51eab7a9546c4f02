#pragma once

#include "record/hdf5_column.h"
#include "record/hdf5_schema.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {

// Creates a table's group, datasets, attributes and scales; everything it will ever need, since
// nothing may be created once SWMR has started.
void create_table(hid_t file, const TableSchema& schema, Compression compression);

// Appends rows to a table that exists. Columns are filled in memory and go to the library in whole
// chunks, unless write() asks for what there is. Throws Hdf5Failure.
class Hdf5TableWriter {
 public:
  Hdf5TableWriter(hid_t file, TableSchema schema);

  // `rows` are structs of the schema's layout, one after the other.
  void append(const void* rows, std::size_t count);
  void write();
  // Call after a flush that covers everything written, before another.
  void commit();
  void write_dropped(std::uint64_t count);

  [[nodiscard]] std::uint64_t rows_written() const { return rows_written_; }
  [[nodiscard]] std::uint64_t rows_committed() const { return rows_committed_; }
  [[nodiscard]] std::size_t rows_staged() const { return staged_; }

 private:
  struct Column {
    Hdf5Dataset dataset;
    Hdf5Type type;
    std::size_t bytes = 0;
    hsize_t row_cells = 1;
    std::vector<std::byte> cells;  // of the rows staged
    bool is_sparse = false;        // a chunk of zeros reads the same when it is never written
    bool has_chunk = false;        // something was written to the chunk being filled
  };

  void stage(const std::byte* rows, std::size_t count);
  void write_column(Column& column) const;

  TableSchema schema_;
  std::vector<Column> columns_;
  Hdf5Dataset committed_;
  Hdf5Dataset dropped_;
  std::size_t staged_ = 0;
  std::uint64_t rows_written_ = 0;
  std::uint64_t rows_committed_ = 0;
};

// The two counts that lie beside a table's columns.
constexpr const char* kCommitted = "rows_committed";
constexpr const char* kDropped = "rows_dropped";
void overwrite_count(hid_t parent, const std::string& path, std::uint64_t count);

// Reading. Throws Hdf5Failure with kCorrupt; columns that this program does not know are left
// alone.

std::uint64_t read_count(hid_t parent, const std::string& path);
// Rows that are there for certain; never more than the first column holds.
std::uint64_t read_rows_committed(hid_t file, const TableSchema& schema);
std::uint64_t read_rows_dropped(hid_t file, const std::string& table);
// Reads [0, rows) of one column to `cells`, which has room for them in the schema's type.
void read_column(hid_t file,
                 const std::string& table,
                 const ColumnSchema& column,
                 std::uint64_t rows,
                 void* cells);
// Reads a table into row structs, which start at `rows`.
void read_table(hid_t file, const TableSchema& schema, std::uint64_t count, void* rows);

template <typename Row>
std::vector<Row> read_rows(hid_t file, const TableSchema& schema) {
  std::vector<Row> rows(read_rows_committed(file, schema));
  read_table(file, schema, rows.size(), rows.data());
  return rows;
}

}  // namespace radixbench

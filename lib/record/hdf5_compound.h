#pragma once

#include "record/hdf5_handle.h"
#include "record/hdf5_schema.h"

#include <cstddef>
#include <string>
#include <vector>

namespace radixbench {

// Small tables as one dataset of compound type, which pandas.read_hdf opens. Throws Hdf5Failure.

void write_compound(hid_t file, const TableSchema& schema, const void* rows, std::size_t count);

std::size_t compound_row_count(hid_t file, const std::string& path);
// Fields are found by name; others are left alone.
void read_compound(hid_t file, const TableSchema& schema, void* rows, std::size_t count);

template <typename Row>
std::vector<Row> read_compound_rows(hid_t file, const TableSchema& schema) {
  std::vector<Row> rows(compound_row_count(file, schema.path));
  read_compound(file, schema, rows.data(), rows.size());
  return rows;
}

}  // namespace radixbench

#pragma once

#include "record/hdf5_compression.h"
#include "record/hdf5_handle.h"
#include "record/hdf5_schema.h"

#include <cstddef>
#include <string>
#include <vector>

namespace radixbench {

// One dataset of a table: its type, fill value and CF attributes. All throw Hdf5Failure.

Hdf5Type file_type(const ColumnSchema& column);

// The type of a column's dataset. Text is a row of single characters, since netCDF's library takes
// longer text of fixed length for pointers.
Hdf5Type column_type(const ColumnSchema& column);

// How a column is chunked and filtered; without a fill value. `row_cells`: characters of a row of
// text, else 1. A chunk that is compressed lands elsewhere in the file each time it is written as
// it fills. One that is not is written in place, and a kill may cut that write in two: then old
// rows read the same, since both halves have them, as long as there is no checksum to tell that the
// halves don't go together. So there is none without compression.
Hdf5Properties chunk_properties(hsize_t row_cells, bool is_compressed);

// Cells of a row: 1, or of text its characters.
hsize_t row_cells(const ColumnSchema& column);

// Rows [first, first + count) of a dataset whose rows have `row_cells` cells, and the same in
// memory.
void select_rows(hid_t space, hsize_t first, hsize_t count);
Hdf5Space rows_space(hsize_t count, hsize_t row_cells);

// Chunked and empty, to be extended.
Hdf5Dataset create_column(hid_t group,
                          const ColumnSchema& column,
                          bool is_scale,
                          Compression compression);

// Rows [0, count) of another file's dataset.
struct VirtualSource {
  std::string file;  // relative to the folder of the file that refers to it
  std::string dataset;
  std::size_t count = 0;
};

// Shows the sources one after the other. Where one is missing the column reads as missing values.
Hdf5Dataset create_virtual_column(hid_t group,
                                  const ColumnSchema& column,
                                  const std::vector<VirtualSource>& sources);

// The flag_values and flag_meanings of a column of u2; empty where it has none.
CodeNames read_codes(hid_t file, const std::string& dataset);

// A dimension of text is a scale in the root, where groups below find it: text_64. Made where it is
// not there yet.
void attach_text_scale(hid_t file, const Hdf5Dataset& text, hsize_t row_cells);

// Makes the first column the dimension scale `name` of all others.
void attach_scale(const std::vector<Hdf5Dataset>& columns, const std::string& name);

}  // namespace radixbench

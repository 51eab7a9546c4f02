#include "record/hdf5_table.h"

#include "record/hdf5_attribute.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace radixbench {
namespace {

void create_count(hid_t group, const char* name, const char* long_name) {
  const Hdf5Space space{hdf5_check(H5Screate(H5S_SCALAR), "create a scalar space")};
  const Hdf5Dataset dataset{hdf5_check(
      H5Dcreate2(group, name, H5T_STD_U64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      fmt::format("create dataset '{}'", name))};
  const std::uint64_t zero = 0;
  hdf5_check(H5Dwrite(dataset.id(), H5T_STD_U64LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &zero),
             fmt::format("write '{}'", name));
  write_text(dataset.id(), "units", "1");
  write_text(dataset.id(), "long_name", long_name);
}

template <typename Cell>
void gather(const std::byte* rows, std::size_t stride, std::size_t count, std::byte* cells) {
  for (std::size_t index = 0; index < count; ++index) {
    std::memcpy(cells + index * sizeof(Cell), rows + index * stride, sizeof(Cell));
  }
}

// Widths known to the compiler make this a load and a store; it runs for each cell there is.
void gather_cells(const std::byte* rows,
                  std::size_t stride,
                  std::size_t count,
                  std::size_t bytes,
                  std::byte* cells) {
  switch (bytes) {
    case 1: gather<std::uint8_t>(rows, stride, count, cells); return;
    case 2: gather<std::uint16_t>(rows, stride, count, cells); return;
    case 4: gather<std::uint32_t>(rows, stride, count, cells); return;
    case 8: gather<std::uint64_t>(rows, stride, count, cells); return;
    default: break;
  }
  for (std::size_t index = 0; index < count; ++index) {
    std::memcpy(cells + index * bytes, rows + index * stride, bytes);
  }
}

bool is_zero(const std::vector<std::byte>& cells, std::size_t bytes) {
  // The first is zero, and each equals the one before: memcmp looks at many at a time.
  return cells[0] == std::byte{0} && std::memcmp(cells.data(), cells.data() + 1, bytes - 1) == 0;
}

void number_rows(std::uint64_t first, std::size_t count, std::byte* cells) {
  for (std::size_t index = 0; index < count; ++index) {
    const std::uint64_t number = first + index;
    std::memcpy(cells + index * sizeof number, &number, sizeof number);
  }
}

Hdf5Dataset open_dataset(hid_t file, const std::string& path) {
  return Hdf5Dataset{hdf5_check(H5Dopen2(file, path.c_str(), H5P_DEFAULT),
                                fmt::format("open dataset '{}'", path),
                                ErrorCode::kCorrupt)};
}

// Room for the chunk being filled and the one before it, whole ones leaving first.
Hdf5Dataset open_column(hid_t file, const std::string& path, std::size_t cell) {
  const Hdf5Properties access{hdf5_check(H5Pcreate(H5P_DATASET_ACCESS), "create properties")};
  constexpr std::size_t kSlots = 13;
  hdf5_check(H5Pset_chunk_cache(access.id(), kSlots, 2 * cell * kHdf5ChunkRows, 1.0),
             "size the chunk cache");
  return Hdf5Dataset{hdf5_check(H5Dopen2(file, path.c_str(), access.id()),
                                fmt::format("open dataset '{}'", path))};
}

void write_count(const Hdf5Dataset& dataset, std::uint64_t count) {
  hdf5_check(H5Dwrite(dataset.id(), H5T_STD_U64LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &count),
             "write a count");
}

// The rows asked for, which must all be there.
Hdf5Space find_rows(const Hdf5Dataset& dataset,
                    const std::string& path,
                    hsize_t row_cells,
                    hsize_t rows) {
  Hdf5Space space{hdf5_check(H5Dget_space(dataset.id()), "ask a dataset's extent")};
  const int dimensions = row_cells == 1 ? 1 : 2;
  std::array<hsize_t, 2> extent{0, 1};
  if (H5Sget_simple_extent_ndims(space.id()) != dimensions ||
      H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr) != dimensions ||
      extent[0] < rows || extent[1] != row_cells) {
    throw Hdf5Failure{
        {ErrorCode::kCorrupt,
         fmt::format("'{}' holds {} rows of the {} that were committed", path, extent[0], rows)}};
  }
  select_rows(space.id(), 0, rows);
  return space;
}

// The first files of schema 1.0.0 have text as one string a row.
bool is_whole_text(const Hdf5Dataset& dataset, const ColumnSchema& column) {
  if (column.type != CellType::kText) return false;
  const Hdf5Space space{hdf5_check(H5Dget_space(dataset.id()), "ask a dataset's extent")};
  return H5Sget_simple_extent_ndims(space.id()) == 1;
}

}  // namespace

void create_table(hid_t file, const TableSchema& schema, Compression compression) {
  const Hdf5Properties links{hdf5_check(H5Pcreate(H5P_LINK_CREATE), "create properties")};
  hdf5_check(H5Pset_create_intermediate_group(links.id(), 1), "ask for intermediate groups");
  const Hdf5Group group{
      hdf5_check(H5Gcreate2(file, schema.path.c_str(), links.id(), H5P_DEFAULT, H5P_DEFAULT),
                 fmt::format("create group '{}'", schema.path))};
  std::vector<Hdf5Dataset> columns;
  for (const auto& column : schema.columns) {
    columns.push_back(create_column(group.id(), column, columns.empty(), compression));
  }
  attach_scale(columns, schema.columns[0].name);
  for (std::size_t index = 0; index < columns.size(); ++index) {
    const ColumnSchema& column = schema.columns[index];
    if (column.type != CellType::kText) continue;
    attach_text_scale(file, columns[index], row_cells(column));
  }
  create_count(group.id(), kCommitted, "rows that are there for certain");
  create_count(group.id(), kDropped, "rows that found the queue full");
}

Hdf5TableWriter::Hdf5TableWriter(hid_t file, TableSchema schema)
    : schema_{std::move(schema)},
      committed_{open_dataset(file, schema_.path + "/" + kCommitted)},
      dropped_{open_dataset(file, schema_.path + "/" + kDropped)} {
  for (const auto& column : schema_.columns) {
    const std::size_t bytes = cell_bytes(column);
    columns_.push_back({open_column(file, schema_.path + "/" + column.name, bytes),
                        column_type(column),
                        bytes,
                        row_cells(column),
                        {},
                        !column.has_missing});
  }
}

void Hdf5TableWriter::append(const void* rows, std::size_t count) {
  const auto* next = static_cast<const std::byte*>(rows);
  while (count > 0) {
    const std::size_t room = kHdf5ChunkRows - rows_written_ % kHdf5ChunkRows - staged_;
    const std::size_t taken = std::min(room, count);
    stage(next, taken);
    next += taken * schema_.row_bytes;
    count -= taken;
    if (taken == room) write();
  }
}

void Hdf5TableWriter::stage(const std::byte* rows, std::size_t count) {
  for (std::size_t index = 0; index < columns_.size(); ++index) {
    Column& column = columns_[index];
    const std::size_t needed = (staged_ + count) * column.bytes;
    if (column.cells.size() < needed) {
      column.cells.resize(std::max(needed, std::min(2 * needed, kHdf5ChunkRows * column.bytes)));
    }
    std::byte* cells = column.cells.data() + staged_ * column.bytes;
    const std::size_t offset = schema_.columns[index].offset;
    if (offset == kRowNumber) {
      number_rows(rows_written_ + staged_, count, cells);
    } else {
      gather_cells(rows + offset, schema_.row_bytes, count, column.bytes, cells);
    }
  }
  staged_ += count;
}

void Hdf5TableWriter::write() {
  if (staged_ == 0) return;
  for (auto& column : columns_) write_column(column);
  rows_written_ += staged_;
  staged_ = 0;
}

void Hdf5TableWriter::write_column(Column& column) const {
  const hsize_t start = rows_written_;
  const hsize_t count = staged_;
  const std::array<hsize_t, 2> extent{start + count, column.row_cells};
  hdf5_check(H5Dset_extent(column.dataset.id(), extent.data()), "extend a dataset");
  if (start % kHdf5ChunkRows == 0) column.has_chunk = false;
  if (column.is_sparse && !column.has_chunk && is_zero(column.cells, count * column.bytes)) return;
  column.has_chunk = true;
  const Hdf5Space target{hdf5_check(H5Dget_space(column.dataset.id()), "ask an extent")};
  select_rows(target.id(), start, count);
  const Hdf5Space source = rows_space(count, column.row_cells);
  hdf5_check(H5Dwrite(column.dataset.id(),
                      column.type.id(),
                      source.id(),
                      target.id(),
                      H5P_DEFAULT,
                      column.cells.data()),
             fmt::format("write rows of '{}'", schema_.path));
}

void Hdf5TableWriter::commit() {
  if (rows_committed_ == rows_written_) return;
  write_count(committed_, rows_written_);
  rows_committed_ = rows_written_;
}

void Hdf5TableWriter::write_dropped(std::uint64_t count) { write_count(dropped_, count); }

std::uint64_t read_count(hid_t parent, const std::string& path) {
  const Hdf5Dataset dataset = open_dataset(parent, path);
  const Hdf5Space space{hdf5_check(H5Dget_space(dataset.id()), "ask a dataset's extent")};
  std::uint64_t count = 0;
  if (H5Sget_simple_extent_npoints(space.id()) != 1) {
    throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("'{}' is no scalar", path)}};
  }
  hdf5_check(H5Dread(dataset.id(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &count),
             fmt::format("read '{}'", path),
             ErrorCode::kCorrupt);
  return count;
}

void overwrite_count(hid_t parent, const std::string& path, std::uint64_t count) {
  write_count(open_dataset(parent, path), count);
}

std::uint64_t read_rows_committed(hid_t file, const TableSchema& schema) {
  const std::uint64_t rows = read_count(file, schema.path + "/" + kCommitted);
  // The count is read before any extent, so that a table which grows meanwhile has them all. A
  // corrupt one must not become an allocation of its size.
  const std::string first = schema.path + "/" + schema.columns[0].name;
  find_rows(open_dataset(file, first), first, row_cells(schema.columns[0]), rows);
  return rows;
}

std::uint64_t read_rows_dropped(hid_t file, const std::string& table) {
  return read_count(file, table + "/" + kDropped);
}

void read_column(hid_t file,
                 const std::string& table,
                 const ColumnSchema& column,
                 std::uint64_t rows,
                 void* cells) {
  if (rows == 0) return;
  const std::string path = table + "/" + column.name;
  const Hdf5Dataset dataset = open_dataset(file, path);
  const bool is_whole = is_whole_text(dataset, column);
  const hsize_t cells_of_row = is_whole ? 1 : row_cells(column);
  const Hdf5Type type = is_whole ? file_type(column) : column_type(column);
  const Hdf5Space source = find_rows(dataset, path, cells_of_row, rows);
  const Hdf5Space target = rows_space(rows, cells_of_row);
  hdf5_check(H5Dread(dataset.id(), type.id(), target.id(), source.id(), H5P_DEFAULT, cells),
             fmt::format("read '{}'", path),
             ErrorCode::kCorrupt);
}

void read_table(hid_t file, const TableSchema& schema, std::uint64_t count, void* rows) {
  std::vector<std::byte> cells;
  for (const auto& column : schema.columns) {
    if (column.offset == kRowNumber) continue;
    const std::size_t bytes = cell_bytes(column);
    cells.resize(count * bytes);
    read_column(file, schema.path, column, count, cells.data());
    auto* target = static_cast<std::byte*>(rows) + column.offset;
    for (std::uint64_t index = 0; index < count; ++index) {
      std::memcpy(target + index * schema.row_bytes, cells.data() + index * bytes, bytes);
    }
  }
}

}  // namespace radixbench

#include "record/hdf5_column.h"

#include "base/check.h"
#include "record/hdf5_attribute.h"

#include <fmt/format.h>

#include <hdf5_hl.h>

#include <array>
#include <cstring>
#include <limits>
#include <mutex>
#include <sstream>

namespace radixbench {
namespace {

constexpr unsigned kDeflateLevel = 1;  // 4 to 6 save 4 % of the size and cost half the speed

hid_t native_type(CellType type) {
  switch (type) {
    case CellType::kU8: return H5T_STD_U8LE;
    case CellType::kU16: return H5T_STD_U16LE;
    case CellType::kU32: return H5T_STD_U32LE;
    case CellType::kU64: return H5T_STD_U64LE;
    case CellType::kI8: return H5T_STD_I8LE;
    case CellType::kI32: return H5T_STD_I32LE;
    case CellType::kI64: return H5T_STD_I64LE;
    case CellType::kF32: return H5T_IEEE_F32LE;
    case CellType::kF64: return H5T_IEEE_F64LE;
    case CellType::kText: break;
  }
  RADIXBENCH_CHECK(false);
}

// What stands in cells that nobody wrote: -1 for signed, the largest for unsigned, NaN for floats,
// so that a hole never reads as a zero; zero where every value is one that a call may leave.
struct FillValue {
  std::array<std::byte, 8> bytes{};
};

FillValue fill_value(const ColumnSchema& column) {
  const CellType type = column.type;
  FillValue fill;
  if (!column.has_missing) return fill;
  fill.bytes.fill(std::byte{0xFF});
  if (type == CellType::kF32) {
    const float missing = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(fill.bytes.data(), &missing, sizeof missing);
  }
  if (type == CellType::kF64) {
    const double missing = std::numeric_limits<double>::quiet_NaN();
    std::memcpy(fill.bytes.data(), &missing, sizeof missing);
  }
  return fill;
}

Hdf5Properties column_properties(const ColumnSchema& column, hid_t type, Compression compression) {
  const bool is_compressed =
      compression == Compression::kFull || (compression == Compression::kQuick && !column.is_noisy);
  Hdf5Properties properties = chunk_properties(row_cells(column), is_compressed);
  if (column.type != CellType::kText) {
    const FillValue fill = fill_value(column);
    hdf5_check(H5Pset_fill_value(properties.id(), type, fill.bytes.data()), "set the fill value");
  }
  return properties;
}

void write_codes(hid_t dataset, const ColumnSchema& column) {
  std::vector<std::uint8_t> narrow;
  std::vector<std::uint16_t> wide;
  std::string meanings;
  for (const auto& [code, name] : column.codes) {
    narrow.push_back(static_cast<std::uint8_t>(code));
    wide.push_back(code);
    meanings += (meanings.empty() ? "" : " ") + name;
  }
  // CF wants the values in the column's own type.
  const void* values = narrow.data();
  if (column.type == CellType::kU16) values = wide.data();
  write_values(dataset,
               column.is_mask ? "flag_masks" : "flag_values",
               native_type(column.type),
               values,
               column.codes.size());
  write_text(dataset, "flag_meanings", meanings);
}

void describe_column(hid_t dataset, const ColumnSchema& column, bool is_scale) {
  write_text(dataset, "units", column.units);
  write_text(dataset, "long_name", column.long_name);
  // CF allows a coordinate no missing values.
  if (column.type != CellType::kText && column.has_missing && !is_scale) {
    const FillValue fill = fill_value(column);
    write_values(dataset, "_FillValue", native_type(column.type), fill.bytes.data(), 1);
  }
  if (!column.codes.empty()) write_codes(dataset, column);
}

// The high-level library, which the scales belong to, has no lock of its own, and several ranks may
// be threads of one process.
std::mutex& scale_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

Hdf5Type file_type(const ColumnSchema& column) {
  if (column.type == CellType::kText) return hdf5_text_type(column.text_bytes);
  return Hdf5Type{hdf5_check(H5Tcopy(native_type(column.type)), "copy a type")};
}

Hdf5Type column_type(const ColumnSchema& column) {
  if (column.type != CellType::kText) return file_type(column);
  Hdf5Type type{hdf5_check(H5Tcopy(H5T_C_S1), "copy a type")};
  hdf5_check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "set the padding of text");
  return type;
}

hsize_t row_cells(const ColumnSchema& column) {
  return column.type == CellType::kText ? column.text_bytes : 1;
}

void select_rows(hid_t space, hsize_t first, hsize_t count) {
  std::array<hsize_t, 2> extent{};
  const int dimensions = H5Sget_simple_extent_ndims(space);
  RADIXBENCH_CHECK(dimensions == 1 || dimensions == 2);
  hdf5_check(H5Sget_simple_extent_dims(space, extent.data(), nullptr), "ask an extent");
  const std::array<hsize_t, 2> start{first, 0};
  const std::array<hsize_t, 2> counts{count, extent[1]};
  hdf5_check(
      H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, counts.data(), nullptr),
      "select rows");
}

Hdf5Space rows_space(hsize_t count, hsize_t row_cells) {
  const std::array<hsize_t, 2> extent{count, row_cells};
  return Hdf5Space{hdf5_check(H5Screate_simple(row_cells == 1 ? 1 : 2, extent.data(), nullptr),
                              "create a space")};
}

Hdf5Properties chunk_properties(hsize_t row_cells, bool is_compressed) {
  Hdf5Properties properties{hdf5_check(H5Pcreate(H5P_DATASET_CREATE), "create properties")};
  const std::array<hsize_t, 2> chunk{kHdf5ChunkRows, row_cells};
  hdf5_check(H5Pset_chunk(properties.id(), row_cells == 1 ? 1 : 2, chunk.data()), "set the chunk");
  if (!is_compressed) return properties;
  hdf5_check(H5Pset_shuffle(properties.id()), "set shuffle");
  hdf5_check(H5Pset_deflate(properties.id(), kDeflateLevel), "set deflate");
  hdf5_check(H5Pset_fletcher32(properties.id()), "set fletcher32");
  return properties;
}

Hdf5Dataset create_column(hid_t group,
                          const ColumnSchema& column,
                          bool is_scale,
                          Compression compression) {
  const Hdf5Type type = column_type(column);
  const std::array<hsize_t, 2> none{0, row_cells(column)};
  const std::array<hsize_t, 2> most{H5S_UNLIMITED, row_cells(column)};
  const int dimensions = column.type == CellType::kText ? 2 : 1;
  const Hdf5Space space{
      hdf5_check(H5Screate_simple(dimensions, none.data(), most.data()), "create a space")};
  const Hdf5Properties properties = column_properties(column, type.id(), compression);
  Hdf5Dataset dataset{hdf5_check(H5Dcreate2(group,
                                            column.name.c_str(),
                                            type.id(),
                                            space.id(),
                                            H5P_DEFAULT,
                                            properties.id(),
                                            H5P_DEFAULT),
                                 fmt::format("create dataset '{}'", column.name))};
  describe_column(dataset.id(), column, is_scale);
  return dataset;
}

Hdf5Dataset create_virtual_column(hid_t group,
                                  const ColumnSchema& column,
                                  const std::vector<VirtualSource>& sources) {
  const Hdf5Type type = file_type(column);
  hsize_t total = 0;
  for (const auto& source : sources) total += source.count;
  const Hdf5Space space{hdf5_check(H5Screate_simple(1, &total, nullptr), "create a space")};
  const Hdf5Properties properties{hdf5_check(H5Pcreate(H5P_DATASET_CREATE), "create properties")};
  ColumnSchema holed = column;
  holed.has_missing = true;  // a source may be missing, whatever its values are
  const FillValue fill = fill_value(holed);
  hdf5_check(H5Pset_fill_value(properties.id(), type.id(), fill.bytes.data()),
             "set the fill value");
  hsize_t start = 0;
  for (const auto& source : sources) {
    if (source.count == 0) continue;
    const hsize_t count = source.count;
    hdf5_check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr),
               "select rows");
    const Hdf5Space rows{hdf5_check(H5Screate_simple(1, &count, nullptr), "create a space")};
    hdf5_check(
        H5Pset_virtual(
            properties.id(), space.id(), source.file.c_str(), source.dataset.c_str(), rows.id()),
        "map a virtual dataset");
    start += count;
  }
  hdf5_check(H5Sselect_all(space.id()), "select all");
  Hdf5Dataset dataset{hdf5_check(H5Dcreate2(group,
                                            column.name.c_str(),
                                            type.id(),
                                            space.id(),
                                            H5P_DEFAULT,
                                            properties.id(),
                                            H5P_DEFAULT),
                                 fmt::format("create dataset '{}'", column.name))};
  describe_column(dataset.id(), column, false);
  return dataset;
}

CodeNames read_codes(hid_t file, const std::string& dataset) {
  const Hdf5Dataset column{hdf5_check(H5Dopen2(file, dataset.c_str(), H5P_DEFAULT),
                                      fmt::format("open dataset '{}'", dataset),
                                      ErrorCode::kCorrupt)};
  if (!has_attribute(column.id(), "flag_values")) return {};
  const std::vector<std::uint16_t> values = read_u16_values(column.id(), "flag_values");
  std::istringstream meanings{read_text(column.id(), "flag_meanings")};
  CodeNames codes;
  std::string name;
  for (const std::uint16_t value : values) {
    if (meanings >> name) codes.emplace_back(value, name);
  }
  return codes;
}

void attach_text_scale(hid_t file, const Hdf5Dataset& text, hsize_t row_cells) {
  const std::lock_guard lock{scale_mutex()};
  const std::string path = fmt::format("/text_{}", row_cells);
  if (H5Lexists(file, path.c_str(), H5P_DEFAULT) <= 0) {
    const Hdf5Space space{hdf5_check(H5Screate_simple(1, &row_cells, nullptr), "create a space")};
    const Hdf5Dataset made{hdf5_check(
        H5Dcreate2(
            file, path.c_str(), H5T_STD_U8LE, space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
        "create a dimension of text")};
    // So that netCDF shows a dimension, and no variable of that name.
    const std::string name =
        fmt::format("This is a netCDF dimension but not a netCDF variable.{:10}", row_cells);
    hdf5_check(H5DSset_scale(made.id(), name.c_str()), "make a dimension scale");
  }
  const Hdf5Dataset scale{hdf5_check(
      H5Dopen2(file, path.c_str(), H5P_DEFAULT), "open a dimension of text", ErrorCode::kCorrupt)};
  hdf5_check(H5DSattach_scale(text.id(), scale.id(), 1), "attach a scale");
}

void attach_scale(const std::vector<Hdf5Dataset>& columns, const std::string& name) {
  const std::lock_guard lock{scale_mutex()};
  hdf5_check(H5DSset_scale(columns[0].id(), name.c_str()), "make a dimension scale");
  for (std::size_t index = 1; index < columns.size(); ++index) {
    hdf5_check(H5DSattach_scale(columns[index].id(), columns[0].id(), 0), "attach a scale");
  }
}

}  // namespace radixbench

#include "record/hdf5_compound.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_column.h"

#include <fmt/format.h>

namespace radixbench {
namespace {

Hdf5Type compound_type(const TableSchema& schema) {
  Hdf5Type type{hdf5_check(H5Tcreate(H5T_COMPOUND, schema.row_bytes), "create a compound type")};
  for (const auto& column : schema.columns) {
    const Hdf5Type field = file_type(column);
    hdf5_check(H5Tinsert(type.id(), column.name.c_str(), column.offset, field.id()),
               fmt::format("insert field '{}'", column.name));
  }
  return type;
}

// In the file without the padding that the struct has in memory.
Hdf5Type packed(const Hdf5Type& type) {
  Hdf5Type copy{hdf5_check(H5Tcopy(type.id()), "copy a type")};
  hdf5_check(H5Tpack(copy.id()), "pack a type");
  return copy;
}

Hdf5Dataset open_table(hid_t file, const std::string& path) {
  return Hdf5Dataset{hdf5_check(H5Dopen2(file, path.c_str(), H5P_DEFAULT),
                                fmt::format("open table '{}'", path),
                                ErrorCode::kCorrupt)};
}

// What numbers mean, since a field has no attributes of its own: NAME_meanings.
void describe_fields(hid_t dataset, const TableSchema& schema) {
  for (const auto& column : schema.columns) {
    if (column.codes.empty()) continue;
    std::string meanings;
    for (const auto& [code, name] : column.codes) {
      meanings += fmt::format("{}{}={}", meanings.empty() ? "" : " ", code, name);
    }
    write_text(dataset, column.name + "_meanings", meanings);
  }
}

}  // namespace

void write_compound(hid_t file, const TableSchema& schema, const void* rows, std::size_t count) {
  const Hdf5Type type = compound_type(schema);
  const hsize_t extent = count;
  const Hdf5Space space{hdf5_check(H5Screate_simple(1, &extent, nullptr), "create a space")};
  const Hdf5Properties links{hdf5_check(H5Pcreate(H5P_LINK_CREATE), "create properties")};
  hdf5_check(H5Pset_create_intermediate_group(links.id(), 1), "ask for intermediate groups");
  const Hdf5Dataset dataset{hdf5_check(H5Dcreate2(file,
                                                  schema.path.c_str(),
                                                  packed(type).id(),
                                                  space.id(),
                                                  links.id(),
                                                  H5P_DEFAULT,
                                                  H5P_DEFAULT),
                                       fmt::format("create table '{}'", schema.path))};
  hdf5_check(H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows),
             fmt::format("write table '{}'", schema.path));
  describe_fields(dataset.id(), schema);
}

std::size_t compound_row_count(hid_t file, const std::string& path) {
  const Hdf5Dataset dataset = open_table(file, path);
  const Hdf5Space space{hdf5_check(H5Dget_space(dataset.id()), "ask a table's extent")};
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  constexpr hssize_t kRowsMax = 1 << 24;
  if (count < 0 || count > kRowsMax) {
    throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("table '{}' has {} rows", path, count)}};
  }
  return static_cast<std::size_t>(count);
}

void read_compound(hid_t file, const TableSchema& schema, void* rows, std::size_t count) {
  if (count == 0) return;
  const Hdf5Dataset dataset = open_table(file, schema.path);
  hdf5_check(H5Dread(dataset.id(), compound_type(schema).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows),
             fmt::format("read table '{}'", schema.path),
             ErrorCode::kCorrupt);
}

}  // namespace radixbench

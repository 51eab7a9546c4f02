#include "record/hdf5_tree.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_column.h"
#include "record/hdf5_table.h"

#include <fmt/format.h>

#include <hdf5_hl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace radixbench {
namespace {

// Deeper than any file of ours, and an end to links that go round in a circle.
constexpr int kDepthMax = 8;
// What is read or copied at a time.
constexpr hsize_t kBlockRows = 8 * kHdf5ChunkRows;
constexpr hsize_t kRowCellsMax = 4096;

constexpr std::array<std::string_view, 4> kScaleAttributes{
    "CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST"};

herr_t note_link(hid_t /*group*/, const char* name, const H5L_info_t* info, void* data) {
  if (info->type == H5L_TYPE_HARD) static_cast<std::vector<std::string>*>(data)->emplace_back(name);
  return 0;
}

herr_t note_attribute(hid_t /*object*/, const char* name, const H5A_info_t* /*info*/, void* data) {
  static_cast<std::vector<std::string>*>(data)->emplace_back(name);
  return 0;
}

std::vector<std::string> links_of(hid_t group, const std::string& path) {
  std::vector<std::string> names;
  hdf5_check(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, &note_link, &names),
             fmt::format("list '{}'", path),
             ErrorCode::kCorrupt);
  return names;
}

bool is_group(hid_t parent, const std::string& name) {
  H5O_info_t info;
  hdf5_check(H5Oget_info_by_name2(parent, name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT),
             fmt::format("look at '{}'", name),
             ErrorCode::kCorrupt);
  return info.type == H5O_TYPE_GROUP;
}

Hdf5Group open_group(hid_t parent, const std::string& name) {
  return Hdf5Group{hdf5_check(H5Gopen2(parent, name.c_str(), H5P_DEFAULT),
                              fmt::format("open group '{}'", name),
                              ErrorCode::kCorrupt)};
}

Hdf5Dataset open_dataset(hid_t parent, const std::string& name) {
  return Hdf5Dataset{hdf5_check(H5Dopen2(parent, name.c_str(), H5P_DEFAULT),
                                fmt::format("open dataset '{}'", name),
                                ErrorCode::kCorrupt)};
}

bool is_count(std::string_view name) { return name == kCommitted || name == kDropped; }

bool holds_pointers(const Hdf5Type& type) {
  return H5Tdetect_class(type.id(), H5T_VLEN) > 0 ||
         H5Tdetect_class(type.id(), H5T_REFERENCE) > 0 ||
         (H5Tget_class(type.id()) == H5T_STRING && H5Tis_variable_str(type.id()) > 0);
}

[[noreturn]] void throw_corrupt(std::string message) {
  throw Hdf5Failure{{ErrorCode::kCorrupt, std::move(message)}};
}

// A dataset to be read from its beginning, in blocks of whole rows.
class RowSource {
 public:
  RowSource(hid_t parent, const std::string& name, std::string path)
      : path_{std::move(path)},
        dataset_{open_dataset(parent, name)},
        type_{hdf5_check(H5Dget_type(dataset_.id()), "ask a dataset's type")},
        space_{hdf5_check(H5Dget_space(dataset_.id()), "ask a dataset's extent")},
        creation_{hdf5_check(H5Dget_create_plist(dataset_.id()), "ask a dataset's properties")} {
    if (holds_pointers(type_)) throw_corrupt(fmt::format("'{}' is of no fixed size", path_));
    const int dimensions = H5Sget_simple_extent_ndims(space_.id());
    is_column_ = dimensions == 1 || dimensions == 2;
    std::array<hsize_t, 2> extent{1, 1};
    if (is_column_) {
      hdf5_check(H5Sget_simple_extent_dims(space_.id(), extent.data(), nullptr), "ask an extent");
    }
    const hssize_t cells = H5Sget_simple_extent_npoints(space_.id());
    if (cells < 0 || (!is_column_ && cells != 1) || extent[1] > kRowCellsMax) {
      throw_corrupt(fmt::format("'{}' is neither a number nor rows", path_));
    }
    extent_ = extent[0];
    row_cells_ = extent[1];
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] hid_t id() const { return dataset_.id(); }
  [[nodiscard]] const Hdf5Type& type() const { return type_; }
  [[nodiscard]] const Hdf5Space& space() const { return space_; }
  [[nodiscard]] const Hdf5Properties& creation() const { return creation_; }
  [[nodiscard]] bool is_column() const { return is_column_; }
  [[nodiscard]] hsize_t extent() const { return extent_; }
  [[nodiscard]] hsize_t row_cells() const { return row_cells_; }
  [[nodiscard]] H5D_layout_t layout() const { return H5Pget_layout(creation_.id()); }
  [[nodiscard]] bool is_virtual() const { return layout() == H5D_VIRTUAL; }
  [[nodiscard]] bool is_text() const { return row_cells_ > 1; }
  [[nodiscard]] std::size_t cell_bytes() const { return H5Tget_size(type_.id()); }

  // Hands rows [0, rows) to `take(first, count, cells)`, block by block.
  template <typename Take>
  void read(hsize_t rows, Take take) const {
    if (rows > extent_) {
      throw_corrupt(
          fmt::format("'{}' holds {} rows of the {} that were committed", path_, extent_, rows));
    }
    const hsize_t block = is_column_ ? kBlockRows : extent_;
    std::vector<std::byte> cells;
    for (hsize_t first = 0; first < rows; first += block) {
      const hsize_t count = std::min(block, rows - first);
      cells.resize(count * row_cells_ * cell_bytes());
      read_block(first, count, cells);
      take(first, count, cells);
    }
  }

 private:
  void read_block(hsize_t first, hsize_t count, std::vector<std::byte>& cells) const {
    const Hdf5Space from{hdf5_check(H5Scopy(space_.id()), "copy a space")};
    if (is_column_) select_rows(from.id(), first, count);
    const Hdf5Space to = rows_space(count, row_cells_);
    hdf5_check(H5Dread(dataset_.id(), type_.id(), to.id(), from.id(), H5P_DEFAULT, cells.data()),
               fmt::format("read '{}'", path_),
               ErrorCode::kCorrupt);
  }

  std::string path_;
  Hdf5Dataset dataset_;
  Hdf5Type type_;
  Hdf5Space space_;
  Hdf5Properties creation_;
  bool is_column_ = false;
  hsize_t extent_ = 0;
  hsize_t row_cells_ = 1;
};

// Calls `visit(parent id, path, names in it, rows committed)` for each group, parents first.
using VisitGroup = std::function<void(
    hid_t, const std::string&, const std::vector<std::string>&, std::optional<std::uint64_t>)>;

std::optional<std::uint64_t> committed_of(hid_t group, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), kCommitted) == names.end()) return std::nullopt;
  return read_count(group, kCommitted);
}

void visit_groups(hid_t group, const std::string& path, int depth, const VisitGroup& visit) {
  if (depth > kDepthMax) throw_corrupt(fmt::format("'{}' lies too deep", path));
  const std::vector<std::string> names = links_of(group, path);
  visit(group, path, names, committed_of(group, names));
  for (const auto& name : names) {
    if (!is_group(group, name)) continue;
    visit_groups(open_group(group, name).id(), fmt::format("{}/{}", path, name), depth + 1, visit);
  }
}

// Rows of a dataset that count: those of its table, or all.
hsize_t rows_of(const RowSource& source,
                const std::string& name,
                std::optional<std::uint64_t> committed) {
  return committed && source.is_column() && !is_count(name) ? *committed : source.extent();
}

// The cell that stands for what nobody wrote; zeros where the dataset says nothing.
std::vector<std::byte> fill_cell(const RowSource& source) {
  std::vector<std::byte> cell(source.cell_bytes());
  H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
  hdf5_check(H5Pfill_value_defined(source.creation().id(), &defined), "ask for a fill value");
  if (defined != H5D_FILL_VALUE_USER_DEFINED) return cell;
  hdf5_check(H5Pget_fill_value(source.creation().id(), source.type().id(), cell.data()),
             "read a fill value");
  return cell;
}

bool is_all(const std::vector<std::byte>& cell, const std::vector<std::byte>& cells) {
  const std::size_t bytes = cell.size();
  return std::memcmp(cells.data(), cell.data(), bytes) == 0 &&
         std::memcmp(cells.data(), cells.data() + bytes, cells.size() - bytes) == 0;
}

Hdf5Properties copy_properties(const RowSource& source,
                               const std::vector<std::byte>& fill,
                               TreeCopy how) {
  const bool is_chunked = source.layout() == H5D_CHUNKED || source.is_virtual();
  if (!is_chunked || !(how.is_compressed || source.is_virtual())) {
    return Hdf5Properties{hdf5_check(H5Pcopy(source.creation().id()), "copy properties")};
  }
  Hdf5Properties properties = chunk_properties(source.row_cells(), how.is_compressed);
  hdf5_check(H5Pset_fill_value(properties.id(), source.type().id(), fill.data()),
             "set the fill value");
  return properties;
}

Hdf5Space target_space(const RowSource& source, hid_t properties, hsize_t rows) {
  if (!source.is_column())
    return Hdf5Space{hdf5_check(H5Scopy(source.space().id()), "copy a space")};
  const std::array<hsize_t, 2> extent{rows, source.row_cells()};
  const bool can_grow = H5Pget_layout(properties) == H5D_CHUNKED;
  const std::array<hsize_t, 2> most{can_grow ? H5S_UNLIMITED : rows, source.row_cells()};
  return Hdf5Space{hdf5_check(
      H5Screate_simple(source.is_text() ? 2 : 1, extent.data(), most.data()), "create a space")};
}

void copy_dataset(
    const RowSource& source, hid_t group, const std::string& name, hsize_t rows, TreeCopy how) {
  const std::vector<std::byte> fill = fill_cell(source);
  const Hdf5Properties properties = copy_properties(source, fill, how);
  const Hdf5Space space = target_space(source, properties.id(), rows);
  const Hdf5Dataset target{hdf5_check(H5Dcreate2(group,
                                                 name.c_str(),
                                                 source.type().id(),
                                                 space.id(),
                                                 H5P_DEFAULT,
                                                 properties.id(),
                                                 H5P_DEFAULT),
                                      fmt::format("create dataset '{}'", source.path()))};
  source.read(rows, [&](hsize_t first, hsize_t count, const std::vector<std::byte>& cells) {
    if (source.is_column() && !cells.empty() && is_all(fill, cells))
      return;  // reads the same when it isn't written
    const Hdf5Space to{hdf5_check(H5Scopy(space.id()), "copy a space")};
    if (source.is_column()) select_rows(to.id(), first, count);
    const Hdf5Space from = rows_space(count, source.row_cells());
    hdf5_check(
        H5Dwrite(target.id(), source.type().id(), from.id(), to.id(), H5P_DEFAULT, cells.data()),
        fmt::format("write '{}'", source.path()));
  });
  copy_attributes(source.id(), target.id());
}

std::string scale_name(const Hdf5Dataset& scale) {
  std::array<char, 128> name{};
  hdf5_check(H5DSget_scale_name(scale.id(), name.data(), name.size()), "read a scale's name");
  return name.data();
}

// A table's group has one scale, which is that of those of its columns that say they have one.
void copy_scales(hid_t source, hid_t target, const std::vector<std::string>& names) {
  std::vector<Hdf5Dataset> columns;
  std::string name_of_scale;
  for (const auto& name : names) {
    if (is_group(source, name)) continue;
    const Hdf5Dataset dataset = open_dataset(source, name);
    if (H5DSis_scale(dataset.id()) <= 0) continue;
    name_of_scale = scale_name(dataset);
    columns.push_back(open_dataset(target, name));
  }
  if (columns.size() != 1) return;
  for (const auto& name : names) {
    if (is_group(source, name)) continue;
    if (!has_attribute(open_dataset(source, name).id(), "DIMENSION_LIST")) continue;
    columns.push_back(open_dataset(target, name));
  }
  attach_scale(columns, name_of_scale);
}

// It is made again by the text that needs it.
bool is_text_dimension(const std::string& path, const RowSource& source) {
  return path.empty() && H5DSis_scale(source.id()) > 0;
}

Hdf5Group make_group(hid_t source_parent, hid_t target_parent, const std::string& name) {
  const Hdf5Group source = open_group(source_parent, name);
  // A group's own properties hold addresses in its file, so only what is wanted of them is taken.
  const Hdf5Properties found{
      hdf5_check(H5Gget_create_plist(source.id()), "ask a group's properties")};
  unsigned order = 0;
  hdf5_check(H5Pget_attr_creation_order(found.id(), &order), "ask for an order of attributes");
  const Hdf5Properties properties{hdf5_check(H5Pcreate(H5P_GROUP_CREATE), "create properties")};
  hdf5_check(H5Pset_attr_creation_order(properties.id(), order), "keep the order of attributes");
  return Hdf5Group{
      hdf5_check(H5Gcreate2(target_parent, name.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                 fmt::format("create group '{}'", name))};
}

}  // namespace

std::vector<TableExtent> list_tables(hid_t file) {
  std::vector<TableExtent> tables;
  visit_groups(file,
               "",
               0,
               [&](hid_t group,
                   const std::string& path,
                   const std::vector<std::string>& names,
                   std::optional<std::uint64_t> committed) {
                 if (!committed) return;
                 TableExtent table{.path = path, .rows_committed = *committed};
                 std::optional<std::uint64_t> first;
                 for (const auto& name : names) {
                   if (is_group(group, name) || is_count(name)) continue;
                   const RowSource column{group, name, fmt::format("{}/{}", path, name)};
                   table.has_equal_columns &= first.value_or(column.extent()) == column.extent();
                   first = column.extent();
                   table.rows_stored = std::max<std::uint64_t>(table.rows_stored, column.extent());
                   table.bytes += H5Dget_storage_size(column.id());
                 }
                 const bool has_drops =
                     std::find(names.begin(), names.end(), kDropped) != names.end();
                 if (has_drops) table.rows_dropped = read_count(group, kDropped);
                 tables.push_back(std::move(table));
               });
  return tables;
}

void read_tree(hid_t file) {
  visit_groups(file,
               "",
               0,
               [](hid_t group,
                  const std::string& path,
                  const std::vector<std::string>& names,
                  std::optional<std::uint64_t> committed) {
                 for (const auto& name : names) {
                   if (is_group(group, name)) continue;
                   const RowSource source{group, name, fmt::format("{}/{}", path, name)};
                   if (source.is_virtual()) continue;
                   source.read(rows_of(source, name, committed),
                               [](hsize_t, hsize_t, const std::vector<std::byte>&) {});
                 }
               });
}

void copy_tree(hid_t source, hid_t target, TreeCopy how) {
  copy_attributes(source, target);
  visit_groups(source,
               "",
               0,
               [&](hid_t group,
                   const std::string& path,
                   const std::vector<std::string>& names,
                   std::optional<std::uint64_t> committed) {
                 const Hdf5Group copy = open_group(target, path.empty() ? "/" : path);
                 for (const auto& name : names) {
                   if (is_group(group, name)) {
                     copy_attributes(open_group(group, name).id(),
                                     make_group(group, copy.id(), name).id());
                     continue;
                   }
                   const RowSource rows{group, name, fmt::format("{}/{}", path, name)};
                   if (is_text_dimension(path, rows)) continue;
                   copy_dataset(rows, copy.id(), name, rows_of(rows, name, committed), how);
                   if (rows.is_text()) {
                     attach_text_scale(target, open_dataset(copy.id(), name), rows.row_cells());
                   }
                   // A writer that lives may have counted on since.
                   if (name == kCommitted) overwrite_count(copy.id(), kCommitted, *committed);
                 }
                 if (!path.empty()) copy_scales(group, copy.id(), names);
               });
}

void copy_attributes(hid_t source, hid_t target) {
  std::vector<std::string> names;
  hdf5_check(H5Aiterate2(source, H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, &note_attribute, &names),
             "list attributes",
             ErrorCode::kCorrupt);
  for (const auto& name : names) {
    if (std::find(kScaleAttributes.begin(), kScaleAttributes.end(), name) !=
        kScaleAttributes.end()) {
      continue;
    }
    const Hdf5Attribute from{hdf5_check(H5Aopen(source, name.c_str(), H5P_DEFAULT),
                                        fmt::format("open attribute '{}'", name),
                                        ErrorCode::kCorrupt)};
    const Hdf5Type type{hdf5_check(H5Aget_type(from.id()), "ask an attribute's type")};
    if (holds_pointers(type))
      throw_corrupt(fmt::format("attribute '{}' is of no fixed size", name));
    const Hdf5Space space{hdf5_check(H5Aget_space(from.id()), "ask an attribute's extent")};
    std::vector<std::byte> value(H5Aget_storage_size(from.id()));
    hdf5_check(H5Aread(from.id(), type.id(), value.data()),
               fmt::format("read attribute '{}'", name),
               ErrorCode::kCorrupt);
    const Hdf5Attribute to{hdf5_check(
        H5Acreate2(target, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
        fmt::format("create attribute '{}'", name))};
    hdf5_check(H5Awrite(to.id(), type.id(), value.data()),
               fmt::format("write attribute '{}'", name));
  }
}

}  // namespace radixbench

#include "record/hdf5_attribute.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace radixbench {
namespace {

// An attribute's text lies in an object header message, which holds 64 KiB.
constexpr std::size_t kTextBytesMax = 60'000;

void write_scalar(hid_t object, const std::string& name, hid_t type, const void* value) {
  const Hdf5Space space{hdf5_check(H5Screate(H5S_SCALAR), "create a scalar space")};
  const Hdf5Attribute attribute{
      hdf5_check(H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                 fmt::format("create attribute '{}'", name))};
  hdf5_check(H5Awrite(attribute.id(), type, value), fmt::format("write attribute '{}'", name));
}

// An array would not fit where callers read to.
Hdf5Attribute open_scalar(hid_t object, const std::string& name) {
  Hdf5Attribute attribute{hdf5_check(H5Aopen(object, name.c_str(), H5P_DEFAULT),
                                     fmt::format("open attribute '{}'", name),
                                     ErrorCode::kCorrupt)};
  const Hdf5Space space{hdf5_check(H5Aget_space(attribute.id()), "ask an attribute's extent")};
  if (H5Sget_simple_extent_npoints(space.id()) != 1) {
    throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("attribute '{}' is no scalar", name)}};
  }
  return attribute;
}

std::string padded(std::string_view value, std::size_t bytes) {
  std::string text{value.substr(0, bytes)};
  text.resize(bytes, '\0');
  return text;
}

void read_scalar(hid_t object, const std::string& name, hid_t type, void* value) {
  const Hdf5Attribute attribute = open_scalar(object, name);
  hdf5_check(H5Aread(attribute.id(), type, value),
             fmt::format("read attribute '{}'", name),
             ErrorCode::kCorrupt);
}

herr_t note_name(hid_t /*object*/, const char* name, const H5A_info_t* /*info*/, void* data) {
  static_cast<std::vector<std::string>*>(data)->emplace_back(name);
  return 0;
}

}  // namespace

void write_text(hid_t object,
                const std::string& name,
                std::string_view value,
                std::size_t bytes_min) {
  const std::size_t bytes =
      std::clamp(value.size(), std::max<std::size_t>(bytes_min, 1), kTextBytesMax);
  const Hdf5Type type = hdf5_text_type(bytes);
  write_scalar(object, name, type.id(), padded(value, bytes).data());
}

void write_u64(hid_t object, const std::string& name, std::uint64_t value) {
  write_scalar(object, name, H5T_STD_U64LE, &value);
}

void write_i64(hid_t object, const std::string& name, std::int64_t value) {
  write_scalar(object, name, H5T_STD_I64LE, &value);
}

void write_i32(hid_t object, const std::string& name, std::int32_t value) {
  write_scalar(object, name, H5T_STD_I32LE, &value);
}

void write_values(
    hid_t object, const std::string& name, hid_t type, const void* values, std::size_t count) {
  const hsize_t extent = count;
  const Hdf5Space space{hdf5_check(H5Screate_simple(1, &extent, nullptr), "create a space")};
  const Hdf5Attribute attribute{
      hdf5_check(H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                 fmt::format("create attribute '{}'", name))};
  hdf5_check(H5Awrite(attribute.id(), type, values), fmt::format("write attribute '{}'", name));
}

void overwrite_text(hid_t object, const std::string& name, std::string_view value) {
  const Hdf5Attribute attribute = open_scalar(object, name);
  const Hdf5Type type{hdf5_check(H5Aget_type(attribute.id()), "ask an attribute's type")};
  const std::string text = padded(value, H5Tget_size(type.id()));
  hdf5_check(H5Awrite(attribute.id(), type.id(), text.data()),
             fmt::format("overwrite attribute '{}'", name));
}

bool has_attribute(hid_t object, const std::string& name) {
  return H5Aexists(object, name.c_str()) > 0;
}

std::string read_text(hid_t object, const std::string& name) {
  const Hdf5Attribute attribute = open_scalar(object, name);
  const Hdf5Type type{hdf5_check(H5Aget_type(attribute.id()), "ask an attribute's type")};
  const bool is_fixed_text =
      H5Tget_class(type.id()) == H5T_STRING && H5Tis_variable_str(type.id()) == 0;
  if (!is_fixed_text) {
    throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("attribute '{}' is no text", name)}};
  }
  std::string text(H5Tget_size(type.id()), '\0');
  hdf5_check(H5Aread(attribute.id(), type.id(), text.data()),
             fmt::format("read attribute '{}'", name),
             ErrorCode::kCorrupt);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

std::uint64_t read_u64(hid_t object, const std::string& name) {
  std::uint64_t value = 0;
  read_scalar(object, name, H5T_NATIVE_UINT64, &value);
  return value;
}

std::int64_t read_i64(hid_t object, const std::string& name) {
  std::int64_t value = 0;
  read_scalar(object, name, H5T_NATIVE_INT64, &value);
  return value;
}

std::vector<std::uint16_t> read_u16_values(hid_t object, const std::string& name) {
  const Hdf5Attribute attribute{hdf5_check(H5Aopen(object, name.c_str(), H5P_DEFAULT),
                                           fmt::format("open attribute '{}'", name),
                                           ErrorCode::kCorrupt)};
  const Hdf5Space space{hdf5_check(H5Aget_space(attribute.id()), "ask an attribute's extent")};
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  constexpr hssize_t kValuesMax = 1 << 16;
  if (count < 0 || count > kValuesMax) {
    throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("attribute '{}' is too long", name)}};
  }
  std::vector<std::uint16_t> values(static_cast<std::size_t>(count));
  if (values.empty()) return values;
  hdf5_check(H5Aread(attribute.id(), H5T_NATIVE_UINT16, values.data()),
             fmt::format("read attribute '{}'", name),
             ErrorCode::kCorrupt);
  return values;
}

void write_named_values(hid_t file, const std::string& group, const NamedValues& values) {
  const Hdf5Properties properties{hdf5_check(H5Pcreate(H5P_GROUP_CREATE), "create properties")};
  hdf5_check(
      H5Pset_attr_creation_order(properties.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
      "keep the order of attributes");
  const Hdf5Group object{
      hdf5_check(H5Gcreate2(file, group.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                 fmt::format("create group '{}'", group))};
  for (const auto& [name, value] : values) {
    if (!has_attribute(object.id(), name)) write_text(object.id(), name, value);
  }
}

NamedValues read_named_values(hid_t file, const std::string& group) {
  const Hdf5Group object{hdf5_check(H5Gopen2(file, group.c_str(), H5P_DEFAULT),
                                    fmt::format("open group '{}'", group),
                                    ErrorCode::kCorrupt)};
  std::vector<std::string> names;
  hsize_t position = 0;
  hdf5_check(
      H5Aiterate2(object.id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, &position, &note_name, &names),
      fmt::format("list attributes of '{}'", group),
      ErrorCode::kCorrupt);
  NamedValues values;
  for (const auto& name : names) values.emplace_back(name, read_text(object.id(), name));
  return values;
}

}  // namespace radixbench

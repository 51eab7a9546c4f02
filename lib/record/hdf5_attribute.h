#pragma once

#include "record/hdf5_handle.h"
#include "record/recorder.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Attributes on any object of a file. All throw Hdf5Failure.

// `bytes_min` leaves room for a longer text that may replace it (overwrite_text).
void write_text(hid_t object,
                const std::string& name,
                std::string_view value,
                std::size_t bytes_min = 1);
void write_u64(hid_t object, const std::string& name, std::uint64_t value);
void write_i64(hid_t object, const std::string& name, std::int64_t value);
void write_i32(hid_t object, const std::string& name, std::int32_t value);
// Values of the file type `type`, lying in memory in the same form.
void write_values(
    hid_t object, const std::string& name, hid_t type, const void* values, std::size_t count);
// In place, cut to the attribute's size.
void overwrite_text(hid_t object, const std::string& name, std::string_view value);

bool has_attribute(hid_t object, const std::string& name);
// kCorrupt where it is not there or of another kind.
std::string read_text(hid_t object, const std::string& name);
std::uint64_t read_u64(hid_t object, const std::string& name);
std::int64_t read_i64(hid_t object, const std::string& name);
std::vector<std::uint16_t> read_u16_values(hid_t object, const std::string& name);
// A group of text attributes, in order of creation.
void write_named_values(hid_t file, const std::string& group, const NamedValues& values);
NamedValues read_named_values(hid_t file, const std::string& group);

}  // namespace radixbench

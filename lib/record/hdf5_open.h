#pragma once

#include "record/hdf5_handle.h"

#include <cstdint>
#include <functional>
#include <string>

namespace radixbench {

// Opens a file of ours, also one whose writer lives or was killed. Throws Hdf5Failure: kNotFound,
// kIo where it may not be read, kCorrupt where it is no HDF5 file or is cut short.
Hdf5File open_to_read(const std::string& path);

constexpr const char* kRankKind = "radixbench.rank";
constexpr const char* kMasterKind = "radixbench.run";
// Throws kCorrupt where it is no file of ours.
std::string read_file_kind(hid_t file);
constexpr const char* kMergedAttribute = "merged";
// A master that holds its rows itself (hdf5_merge.h).
bool is_merged(hid_t file);
// Throws kCorrupt unless the file says it is of `kind` and of a major version that this program
// reads.
void check_file_kind(hid_t file, const std::string& kind);

// Fills `path`.tmp and then gives it its name at once, so that no reader ever finds half of a file;
// what could not be finished is removed. kCannotCreate where `path` is there already, unless it is
// to be replaced.
enum class Existing : std::uint8_t { kRefuse, kReplace };
void write_whole_file(const std::string& path,
                      Existing existing,
                      const std::function<void(hid_t file)>& fill);

}  // namespace radixbench

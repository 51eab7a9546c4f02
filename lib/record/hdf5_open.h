#pragma once

#include "record/hdf5_handle.h"

#include <string>

namespace radixbench {

// Opens a file of ours, also one whose writer lives or was killed. Throws Hdf5Failure: kNotFound,
// kIo where it may not be read, kCorrupt where it is no HDF5 file or is cut short.
Hdf5File open_to_read(const std::string& path);

// Throws kCorrupt unless the file says it is of `kind` and of a major version that this program
// reads.
void check_file_kind(hid_t file, const std::string& kind);

}  // namespace radixbench

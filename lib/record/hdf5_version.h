#pragma once

#include <string>

namespace radixbench {

// HDF5's version when this program was built, and of the library that it runs with.
std::string hdf5_version_built();
std::string hdf5_version_loaded();

// Of the files that this program writes; docs/formats/hdf5.md.
std::string hdf5_schema_version();

}  // namespace radixbench

#include "record/hdf5_version.h"

#include "record/hdf5_schema.h"

#include <fmt/format.h>
#include <hdf5.h>

namespace radixbench {

std::string hdf5_version_built() {
  return fmt::format("{}.{}.{}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
}

std::string hdf5_version_loaded() {
  unsigned major = 0, minor = 0, release = 0;
  return H5get_libversion(&major, &minor, &release) < 0
             ? std::string{}
             : fmt::format("{}.{}.{}", major, minor, release);
}

std::string hdf5_schema_version() { return kHdf5SchemaVersion; }

}  // namespace radixbench

#include "record/hdf5_open.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_schema.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace radixbench {

Hdf5File open_to_read(const std::string& path) {
  if (access(path.c_str(), R_OK) != 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    throw Hdf5Failure{{code, std::strerror(errno)}};  // NOLINT(concurrency-mt-unsafe)
  }
  const Hdf5Properties access{hdf5_check(H5Pcreate(H5P_FILE_ACCESS), "create properties")};
  hdf5_check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST),
             "ask for the newest format");
  hdf5_check(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG), "ask for a strong close");
  Hdf5File file{H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id())};
  if (file.id() >= 0) return file;
  // A file that was not closed says "already open for write" to all but this way of asking.
  return Hdf5File{hdf5_check(H5Fopen(path.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, access.id()),
                             "open",
                             ErrorCode::kCorrupt)};
}

void check_file_kind(hid_t file, const std::string& kind) {
  const std::string found = read_text(file, "file_kind");
  if (found != kind) {
    throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("is a {}, not a {}", found, kind)}};
  }
  if (read_i64(file, "schema_major") == kHdf5SchemaMajor) return;
  throw Hdf5Failure{{ErrorCode::kCorrupt,
                     fmt::format("is of schema version {}; this program reads {}",
                                 read_text(file, "schema_version"),
                                 kHdf5SchemaVersion)}};
}

}  // namespace radixbench

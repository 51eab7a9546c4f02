#include "record/hdf5_open.h"

#include "record/hdf5_attribute.h"
#include "record/hdf5_schema.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace radixbench {
namespace {

[[noreturn]] void throw_errno(ErrorCode code) {
  throw Hdf5Failure{{code, std::strerror(errno)}};  // NOLINT(concurrency-mt-unsafe)
}

Hdf5Properties newest_format() {
  Hdf5Properties access{hdf5_check(H5Pcreate(H5P_FILE_ACCESS), "create properties")};
  hdf5_check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST),
             "ask for the newest format");
  hdf5_check(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG), "ask for a strong close");
  return access;
}

// Removes the file unless it was given its name.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::string path) : path_{std::move(path)} {}
  ~UnfinishedFile() {
    if (!path_.empty()) std::remove(path_.c_str());
  }
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  void rename(const std::string& name) {
    if (std::rename(path_.c_str(), name.c_str()) != 0) throw_errno(ErrorCode::kIo);
    path_.clear();
  }

 private:
  std::string path_;
};

}  // namespace

Hdf5File open_to_read(const std::string& path) {
  if (access(path.c_str(), R_OK) != 0) {
    throw_errno(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo);
  }
  const Hdf5Properties access = newest_format();
  Hdf5File file{H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id())};
  if (file.id() >= 0) return file;
  // A file that was not closed says "already open for write" to all but this way of asking.
  return Hdf5File{hdf5_check(H5Fopen(path.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, access.id()),
                             "open",
                             ErrorCode::kCorrupt)};
}

std::string read_file_kind(hid_t file) {
  if (has_attribute(file, "file_kind")) return read_text(file, "file_kind");
  throw Hdf5Failure{
      {ErrorCode::kCorrupt, "is an HDF5 file, but not one of radixbench: it has no 'file_kind'"}};
}

bool is_merged(hid_t file) { return has_attribute(file, kMergedAttribute); }

void check_file_kind(hid_t file, const std::string& kind) {
  const std::string found = read_file_kind(file);
  if (found != kind) {
    throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("is a {}, not a {}", found, kind)}};
  }
  if (read_i64(file, "schema_major") == kHdf5SchemaMajor) return;
  throw Hdf5Failure{{ErrorCode::kCorrupt,
                     fmt::format("is of schema version {}; this program reads {}",
                                 read_text(file, "schema_version"),
                                 kHdf5SchemaVersion)}};
}

void write_whole_file(const std::string& path,
                      Existing existing,
                      const std::function<void(hid_t file)>& fill) {
  if (existing == Existing::kRefuse && access(path.c_str(), F_OK) == 0) {
    throw Hdf5Failure{{ErrorCode::kCannotCreate, "is there already; choose another name"}};
  }
  UnfinishedFile unfinished{path + ".tmp"};
  const Hdf5Properties access = newest_format();
  Hdf5File file{
      hdf5_check(H5Fcreate(unfinished.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()),
                 "create",
                 ErrorCode::kCannotCreate)};
  fill(file.id());
  hdf5_check(file.close(), "close");
  unfinished.rename(path);
}

}  // namespace radixbench

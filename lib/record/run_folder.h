#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// What a run left in its folder (docs/formats/hdf5.md), by the names of the files alone.
struct RunFolder {
  std::string directory;
  bool has_master = false;
  std::vector<std::string> rank_files;  // relative to the folder, sorted: ranks/rank00000.h5

  [[nodiscard]] std::string path(const std::string& file) const { return directory + "/" + file; }
};

// ranks/rank00003.h5
std::string rank_file_name(std::uint32_t rank);

// `path` is the folder or the run.h5 in it. kNotFound where it is neither, or holds no file of a
// run.
Result<RunFolder> find_run_folder(const std::string& path);

struct FileDigest {
  std::uint64_t bytes = 0;
  std::string sha256;
};

// Nothing where the file can't be read.
std::optional<FileDigest> digest_file(const std::string& path);

}  // namespace radixbench

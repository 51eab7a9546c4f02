#pragma once

#include "base/result.h"
#include "record/hdf5_master.h"
#include "record/hdf5_table_extent.h"
#include "record/recorder.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// What a file says of itself, without reading its rows.
struct FileInspection {
  std::string path;
  std::uint64_t bytes = 0;
  bool is_master = false;
  bool is_merged = false;  // a master that needs no rank files
  std::string schema_version, creator_version, opened, closed;
  RankIdentity identity;
  RankStatus status = RankStatus::kComplete;  // of a rank file
  std::vector<TableExtent> tables;
  std::vector<RankFileEntry> rank_files;  // of a master

  // Its writer lives or was killed.
  [[nodiscard]] bool is_open() const { return !is_master && status == RankStatus::kRunning; }
};

// `path` is a rank file or a master. Errors as read_hdf5_rank.
Result<FileInspection> inspect_hdf5(const std::string& path);

// One thing that is wrong, and the file that it is wrong with.
struct FileFinding {
  std::string file;
  std::string what;
};

struct Verification {
  std::uint64_t files_read = 0;
  std::uint64_t rows_read = 0;
  std::vector<FileFinding> findings;  // none: everything that was written is there and whole
};

// Reads every chunk of a rank file, a merged file, or a run (its folder or run.h5) with all its
// rank files, and holds sizes, digests and rows against the master. Fails only where `path` is not
// there; what is wrong is a finding.
Result<Verification> verify_hdf5(const std::string& path);

}  // namespace radixbench

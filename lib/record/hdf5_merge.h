#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {

struct MergedRun {
  std::uint64_t bytes_before = 0;  // of the run's files
  std::uint64_t bytes = 0;
  std::vector<std::string> notes;  // ranks that were missing from the start
};

// Makes one self-contained, compressed file of a run (its folder or run.h5): the master with real
// columns in place of virtual ones, the ranks' monitor rows, and what only rank files say of
// themselves. Readers of masters read it. `target` must not exist (kCannotCreate). kCorrupt, naming
// the file, where a rank file is missing, was not closed or is not what the master says: its rows
// would become fill values for good.
Result<MergedRun> merge_hdf5_run(const std::string& run, const std::string& target);

}  // namespace radixbench

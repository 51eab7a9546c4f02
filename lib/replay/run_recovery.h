#pragma once

#include "base/result.h"
#include "record/recorder.h"

#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {

// What became of one rank file of a run that was recovered.
struct RecoveredRank {
  std::string file;  // in either folder: ranks/rank00000.h5
  RankStatus status = RankStatus::kRecovered;
  std::uint64_t rows = 0;
  std::string failure = {};  // why nothing could be read; there is then no file in the new folder
};

// Makes the new folder `target` of a run that was cut off: a closed copy of each rank file, cut to
// the rows that were acknowledged where its writer had not closed it, and a master made of them
// again. The run itself is only read. kCannotCreate where `target` exists, kNotFound where the run
// has no rank files, kCorrupt where none of them can be read; `target` is then not left behind. A
// rank of which nothing can be read does not keep the others from being recovered.
Result<std::vector<RecoveredRank>> recover_run(const std::string& run, const std::string& target);

}  // namespace radixbench

#pragma once

#include "record/hdf5_compression.h"
#include "record/recorder.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

struct RecorderOptions {
  // Lossless: nothing is dropped; between_steps() waits for room, and so does sample() in the one
  // case left, a single step that makes more rows than a queue holds. Else a row that finds its
  // queue full is counted and forgotten.
  bool is_lossless = true;
  std::size_t queue_rows = 16'384;  // of each producer and phase
  std::size_t table_rows = 8'192;   // of steps, requests, prefetches
  Compression compression = Compression::kQuick;
  // How long rows may wait before a flush acknowledges them. A chunk that is not full is written
  // again as it fills, so a table that grows slowly is flushed when it has grown by a quarter, and
  // after `commit_max` at the latest.
  std::chrono::milliseconds commit_min{1'000};
  std::chrono::milliseconds commit_max{10'000};
  std::chrono::milliseconds monitor_interval{1'000};  // 0: no monitor rows
  // Names of SampleRow::site, for readers of the file.
  std::vector<std::pair<std::uint16_t, std::string>> sites;
};

// A Recorder whose rows go to the new HDF5 file `path` (docs/formats/hdf5.md), written in SWMR mode
// by a thread of its own: a reader may look at any time, and after a SIGKILL every row below its
// table's rows_committed is there. kCannotCreate where the file exists or cannot be made. Destroyed
// without close(), it leaves what was queued and the status "running", as a crash does.
Result<std::unique_ptr<Recorder>> open_hdf5_recorder(const std::string& path,
                                                     const RankIdentity& identity,
                                                     const RecorderOptions& options);

}  // namespace radixbench

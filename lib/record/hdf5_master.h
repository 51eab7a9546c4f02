#pragma once

#include "record/hdf5_reader.h"
#include "record/summary_cell.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {

// What only all ranks together tell of a phase's samples, row for row; -1 where it isn't known.
struct JoinedSamples {
  std::vector<std::int64_t> wait_ns, wire_ns, skew_ns;
  std::vector<std::int32_t> last_rank;
};

struct MasterRank {
  std::string file;  // relative to the run's folder: ranks/rank00000.h5
  Rank rank = 0;
  const RankData* data = nullptr;                 // nullptr: the file is missing or can't be read
  std::array<JoinedSamples, kPhaseCount> joined;  // by Phase
};

struct MasterContent {
  RankIdentity identity;  // what all ranks share
  RunVariables variables;
  std::vector<MasterRank> ranks;  // in order of rank
  std::vector<SummaryCell> cells;
};

constexpr const char* kMasterFile = "run.h5";

// Makes DIRECTORY/run.h5 of the rank files under it, in place of one that is there: at once, by
// renaming, so that no reader ever finds half of it.
Result<void> write_hdf5_master(const std::string& directory, const MasterContent& content);

struct RankFileEntry {
  Rank rank = 0;
  std::string file, sha256;
  std::uint64_t bytes = 0, rows = 0;
  bool is_readable = false;
  RankStatus status = RankStatus::kRunning;
};

struct RankCounter {
  Rank rank = 0;
  CounterRow counter;
};

// A master without its samples: what compare and gate look at.
struct MasterData {
  RankIdentity identity;
  RunVariables variables;
  std::vector<RankFileEntry> rank_files;
  std::vector<RankCounter> counters;
  std::vector<SummaryCell> cells;
};

// `path` is a run.h5 or the folder that holds one. Errors as read_hdf5_rank.
Result<MasterData> read_hdf5_master(const std::string& path);

}  // namespace radixbench

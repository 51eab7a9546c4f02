#pragma once

#include "record/hdf5_recorder.h"
#include "record/hdf5_table.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {

enum class RankTable : std::uint8_t {
  kConsensus,  // the phases, in Phase's order
  kDrain,
  kNeighbour,
  kPrefetch,
  kSteps,
  kDigests,
  kRequests,
  kTiers,
  kPrefetches,
  kGroups,
  kMembers,
  kCounters,
  kMonitor,
};
constexpr std::size_t kRankTableCount = 13;

// In RankTable's order.
std::vector<TableSchema> rank_schemas(const CodeNames& sites);

// The attributes that rank files and masters share.
void write_file_identity(hid_t file, const char* kind, const RankIdentity& identity);

RankIdentity read_file_identity(hid_t file);
// Of a rank file.
RankStatus read_status(hid_t file);
constexpr std::size_t kStatusBytes = 16;
// Now, as file_time and file_update_time write it.
std::string iso_time_utc();

// A rank's file, open for writing. One thread; throws Hdf5Failure.
class Hdf5RankFile {
 public:
  Hdf5RankFile(const std::string& path,
               const RankIdentity& identity,
               const RecorderOptions& options);

  void append(RankTable table, const void* rows, std::size_t count);
  void write_dropped(RankTable table, std::uint64_t count);
  // Writes and acknowledges the tables for which it is time at `now_ns`.
  void commit_due(std::int64_t now_ns);
  // Everything.
  void commit();
  void close(RankStatus status);

 private:
  [[nodiscard]] bool is_due(std::size_t table, std::int64_t age_ns) const;
  void flush();

  Hdf5File file_;
  std::vector<Hdf5TableWriter> tables_;
  std::array<std::int64_t, kRankTableCount> committed_at_ns_{};
  std::int64_t last_commit_ns_ = 0;
  std::int64_t commit_min_ns_;
  std::int64_t commit_max_ns_;
};

}  // namespace radixbench

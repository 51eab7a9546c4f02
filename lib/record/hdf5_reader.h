#pragma once

#include "record/recorder.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// SampleRow by column; all of equal length.
struct SampleColumns {
  std::vector<std::int64_t> t_enter_ns, t_exit_ns;
  std::vector<std::uint64_t> step, request_id, op_seq;
  std::array<std::vector<std::int64_t>, 3> values;
  std::vector<std::uint16_t> group_id, site, flags;

  [[nodiscard]] std::size_t size() const { return t_enter_ns.size(); }
};

// What one rank left behind: every row that its file acknowledges.
struct RankData {
  RankIdentity identity;
  RankStatus status = RankStatus::kRunning;  // kRunning: its writer did not come to close it
  std::int64_t clock_to_realtime_ns = 0;
  std::int64_t clock_overhead_ns = 0;
  std::vector<std::pair<std::uint16_t, std::string>> sites;  // names of SampleColumns::site
  std::array<SampleColumns, kPhaseCount> samples;            // by Phase
  std::vector<StepRow> steps;
  std::vector<RequestRow> requests;
  std::vector<PrefetchRow> prefetches;
  std::vector<GroupRow> groups;
  std::vector<CounterRow> counters;
  std::vector<MonitorRow> monitor;
  std::uint64_t rows_dropped = 0;
};

// Rows of all kinds. A step and its digest are one row, so are a request and where its tokens came
// from, a group and its members.
std::uint64_t row_count(const RankData& data);

// Reads a rank file, also one whose writer lives or was killed. kNotFound: no such file. kCorrupt:
// truncated, not ours, of another major version (both are named), or rows that were acknowledged
// are not there.
Result<RankData> read_hdf5_rank(const std::string& path);

// rows_committed over all tables: cheap, for who looks while a rank runs.
Result<std::uint64_t> read_hdf5_rows_committed(const std::string& path);

}  // namespace radixbench

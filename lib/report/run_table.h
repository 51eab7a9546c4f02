#pragma once

#include "stats/divergence.h"
#include "stats/run_summary.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

// What a run was, in words that its table begins with.
struct RunHeading {
  std::string run_id;
  std::string trace;   // name, not path
  std::string layout;  // engine form
  std::uint32_t attn_tp = 1, attn_cp = 1, replicas = 1, stages = 1;
  std::string rules, agreement, transport, clock, policy, output_blocks, storage;
  std::uint32_t page_size = 1;
  std::uint64_t seed = 0;
  // Other options worth seeing (skews, aborts, faults), name and value.
  std::vector<std::pair<std::string, std::string>> options;
  std::uint32_t cores = 1;          // that the ranks could run on
  std::uint32_t ranks_missing = 0;  // whose files can't be read
  std::string files;                // the run's folder
};

// Rows of the trace; read = replayed + skipped + left.
struct TraceRows {
  std::uint64_t read = 0, replayed = 0, skipped = 0, left = 0;
};

// Whether a wall-clock run kept up with its arrivals. Virtual runs wait, and can't fall behind.
struct ClockKeeping {
  bool is_virtual = true;
  std::uint64_t late_steps = 0;   // began after the model's time for the one before was over
  std::int64_t late_ns_max = -1;  // -1: not known
};

struct RunReport {
  RunHeading heading;
  TraceRows rows;
  ClockKeeping clock;
  RunSummary summary;
  std::vector<IdentityCheck> more_identities;  // beside the summary's
  std::vector<Divergence> divergences;
  std::vector<SiteInfo> sites;
};

// The table of a run for people: plain text of 100 columns at most, ends with a line end.
std::string run_table(const RunReport& report);

}  // namespace radixbench

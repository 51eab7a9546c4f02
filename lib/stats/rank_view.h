#pragma once

#include "base/ids.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// What a run's ranks wrote, as this room looks at it: spans into columns that the caller keeps.
// -1 stands for "did not happen" in times.

// A call site, in the caller's words.
struct SiteInfo {
  std::uint16_t code = 0;
  std::string name;
  bool is_control = false;    // an agreement; else a neighbour
  bool is_scheduler = false;  // called on the scheduler thread, in the same order on every rank
  bool is_drain = false;
  bool has_request = true;  // called for a request; else once a step
  bool is_length = false;   // its first value is how many tokens of a prefetch all ranks take
};

// Rows of one phase of one rank, in the order of its calls.
struct SampleView {
  std::span<const std::int64_t> t_enter_ns, t_exit_ns;
  std::span<const std::uint64_t> step, request_id, op_seq;
  std::span<const std::int64_t> values[3];
  std::span<const std::uint16_t> group_id, site, flags;  // flags: bit 0 failed

  [[nodiscard]] std::size_t size() const { return t_enter_ns.size(); }
};

struct GroupView {
  std::uint16_t group_id = 0;
  std::string name;
  std::vector<Rank> members;
};

struct StepFacts {
  std::uint64_t step = 0;
  std::int64_t now_ns = 0;
  std::uint64_t digest = 0;
  std::int64_t blocked_ns = 0;
  std::uint32_t agreements = 0, wire_ops = 0;
};

enum class RequestEnd : std::uint8_t { kServed, kAborted, kRejected };

struct RequestFacts {
  std::uint64_t request_id = 0;
  RequestEnd end = RequestEnd::kServed;
  std::uint32_t input = 0, device = 0, host = 0, storage = 0, computed = 0;
  std::uint32_t last_token = 0, below_page = 0, load_back_refused = 0, prefetch_cut = 0;
  std::uint32_t output = 0;
};

struct PrefetchFacts {
  std::uint64_t request_id = 0, started_step = 0, applied_step = 0;
  std::int64_t last_page_ns = -1, applied_ns = -1;
  std::uint32_t requested = 0;
  std::uint32_t not_in_storage = 0, below_threshold = 0, cut = 0, existing = 0, aborted = 0;
  std::uint32_t no_room = 0, inserted = 0, used = 0;
};

// Exact counts of a site that the rank made itself; a lone rank's agreements leave no sample.
struct SiteTotals {
  std::uint16_t code = 0;
  std::uint64_t agreements = 0, wire_ops = 0;
};

struct RankView {
  Rank rank = 0;
  std::uint32_t replica = 0;  // ranks of one replica's stage hold the same tree
  bool is_lead = false;       // speaks for its replica where all ranks say the same
  bool is_closed = true;      // its file was closed: nothing is missing at the end
  std::uint64_t rows_dropped = 0;
  std::vector<GroupView> groups;
  std::vector<SampleView> phases;
  std::vector<StepFacts> steps;
  std::vector<RequestFacts> requests;
  std::vector<PrefetchFacts> prefetches;
  std::vector<SiteTotals> sites;
};

}  // namespace radixbench

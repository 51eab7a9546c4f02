#pragma once

#include "base/ids.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace radixbench {

// Rows of one rank's record. Plain numbers: sites, groups and policies are written as codes whose
// names go into attributes and tables (docs/formats/hdf5.md). Clocks: *_wall_ns is
// CLOCK_MONOTONIC of the host; *_ns without it is the run's own clock (virtual or wall) from its
// start. kMissingNs stands for "did not happen".
constexpr std::int64_t kMissingNs = -1;

// consensus: votes, result syncs, acks, abort barriers. drain: the queue drain. neighbour:
// recv_requests and forward. prefetch: the hit counts of the prefetch thread; a phase of its own so
// that each phase has one producer, and row order says nothing about how threads were scheduled.
enum class Phase : std::uint8_t { kConsensus, kDrain, kNeighbour, kPrefetch };
constexpr std::size_t kPhaseCount = 4;

// One operation on a group of more than one rank (a wire operation).
struct SampleRow {
  std::int64_t t_enter_wall_ns = 0;
  std::int64_t t_exit_wall_ns = 0;
  std::uint64_t step = 0;
  std::uint64_t request_id = 0;
  std::uint64_t op_seq = 0;  // the group's calls, from 0: members' rows join on (group, op_seq)
  std::array<std::int64_t, 3> values{};  // what the call left in place, first elements
  std::uint16_t group_id = 0;            // GroupRow
  std::uint16_t site = 0;                // layout/sites.h
  std::uint16_t flags = 0;               // bit 0: failed
};

enum class StepKind : std::uint8_t { kIdle, kPrefill, kDecode };

struct StepRow {
  std::uint64_t step = 0;
  std::int64_t now_ns = 0;
  std::uint64_t digest = 0;      // of agreed state; equal on the ranks of a replica
  std::int64_t blocked_ns = 0;   // wall time the scheduler thread spent inside agreements
  std::uint32_t agreements = 0;  // calls of the agreement at a site, a lone rank's included
  std::uint32_t wire_ops = 0;    // of them, operations on groups of more than one rank
  std::uint32_t examined = 0;    // N: waiting requests whose prefetch was asked about
  std::uint32_t answered = 0;    // M: those answered yes
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  StepKind kind = StepKind::kIdle;
};

// One request as this rank saw it. Tokens; input == device + host + storage + computed, and the
// four last are shown parts of computed.
struct RequestRow {
  std::uint64_t request_id = 0;
  std::int64_t arrival_ns = 0;
  std::int64_t admitted_ns = kMissingNs;
  std::int64_t finished_ns = kMissingNs;
  std::uint64_t admitted_step = 0;
  std::uint32_t input = 0, device = 0, host = 0, storage = 0, computed = 0;
  std::uint32_t last_token = 0, below_page = 0, load_back_refused = 0, prefetch_cut = 0;
  std::uint32_t output = 0;
  std::uint8_t is_aborted = 0;  // how it ended: 0 served, 1 aborted, 2 rejected (never fitted)
};

// What became of one prefetch. Tokens; requested == the sum of not_in_storage, below_threshold,
// cut, existing, aborted, no_room and inserted; inserted == used + unused.
struct PrefetchRow {
  std::uint64_t request_id = 0;
  std::uint64_t started_step = 0;
  std::uint64_t applied_step = 0;
  std::int64_t started_ns = 0;
  std::int64_t last_page_ns = kMissingNs;  // when this rank's last agreed page had come
  std::int64_t applied_ns = kMissingNs;    // when the result was applied to the tree
  std::int64_t own_completed = 0;          // tokens this rank had at that time
  std::uint32_t requested = 0;
  std::uint32_t not_in_storage = 0;   // beyond the agreed hit
  std::uint32_t below_threshold = 0;  // revoked: the hit was too short to be worth it
  std::uint32_t cut = 0;              // hit, but not there on every rank when the stop was applied
  std::uint32_t existing = 0;         // brought, but the tree had it by then
  std::uint32_t aborted = 0;
  std::uint32_t no_room = 0;  // this rank had no host pages: it took part with nothing
  std::uint32_t inserted = 0;
  std::uint32_t used = 0;  // of inserted, by the request that asked
};

struct GroupRow {
  std::uint16_t group_id = 0;
  std::string name;
  std::vector<Rank> members;
  std::uint32_t my_index = 0;
};

// Exact metrics: equal in two runs of the same options and seed.
struct CounterRow {
  std::string name;
  std::uint64_t value = 0;
  std::string unit;  // "1", "tokens", "pages", "bytes"
};

// Once a second, where /proc tells.
struct MonitorRow {
  std::int64_t t_wall_ns = 0;
  float load1 = 0;
  float steal = 0;
  float cpu_mhz = std::numeric_limits<float>::quiet_NaN();  // of the first core; NaN: not known
  std::uint64_t involuntary_switches = 0;
  std::uint64_t rss_bytes = 0;
};

}  // namespace radixbench

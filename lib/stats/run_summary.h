#pragma once

#include "stats/distribution.h"
#include "stats/join.h"
#include "stats/rank_view.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

// Something that must hold of every row; `example` is the first that does not.
struct IdentityCheck {
  std::string name = {};
  std::uint64_t checked = 0;
  std::uint64_t broken = 0;
  std::string example = {};
};

// Tokens of served requests; input = device + host + storage + computed.
struct TierTokens {
  std::uint64_t input = 0, device = 0, host = 0, storage = 0, computed = 0;
  std::uint64_t last_token = 0, below_page = 0, load_back_refused = 0, prefetch_cut = 0;
  std::uint64_t output = 0;
};

// Tokens of all prefetches; requested = the sum of the fates, inserted = used + unused.
struct PrefetchFates {
  std::uint64_t prefetches = 0, prefetches_that_moved = 0;  // moved: inserted some tokens
  std::uint64_t requested = 0;
  std::uint64_t not_in_storage = 0, below_threshold = 0, cut = 0, existing = 0, aborted = 0;
  std::uint64_t no_room = 0, inserted = 0, used = 0;
};

struct SiteSummary {
  SiteInfo site;
  std::uint64_t agreements = 0, wire_ops = 0;  // over all ranks
  std::uint64_t calls_least = 0;               // of the rank that came to the site least
  Distribution wait_ns = {}, wire_ns = {};     // of an operation on a rank
};

// What the stdout table shows. Requests, tiers and fates are counted once a replica, as its lead
// rank saw them; the rest is over all ranks.
struct RunSummary {
  std::uint32_t ranks = 0;
  std::uint64_t requests_served = 0, requests_aborted = 0, requests_rejected = 0;
  TierTokens tokens;
  PrefetchFates fates;

  std::uint64_t steps = 0;       // of one rank, the longest
  std::uint64_t rank_steps = 0;  // steps times ranks
  std::uint64_t agreements = 0, wire_ops = 0;
  std::uint64_t operations = 0;           // samples of agreements
  std::uint64_t operations_unjoined = 0;  // of them, those some member's row is missing for
  // Scheduler thread, a step of a rank: the sum over its agreements of exit - last arrival.
  Distribution agreement_ns;
  Distribution blocked_ns;        // a step of a rank: inside agreements, waits included
  Distribution wait_ns, wire_ns;  // an operation of an agreement on a rank
  Distribution skew_ns;           // an operation of an agreement: last enter - first
  Distribution drain_ns;          // a step of a rank: enter to exit, all hops
  // A step over its ranks: the slowest one's of the above, and how far the fastest is from it.
  // Steps that some rank's agreement is not known of are left out of the former two, and counted.
  Distribution agreement_max_ns, agreement_skew_ns;
  Distribution blocked_max_ns;
  Distribution drain_max_ns, drain_skew_ns;
  std::uint64_t steps_unjoined = 0;
  Distribution confirm_ns;                // a prefetch that moved pages; the run's clock
  std::uint64_t confirm_missing = 0;      // prefetches some rank's row is missing for
  std::vector<std::uint64_t> last_count;  // by rank, how often it was the last to enter

  std::vector<SiteSummary> sites;
  std::vector<IdentityCheck> identities;
  std::int64_t run_ns = 0;   // the run's clock, first to last step
  std::int64_t wall_ns = 0;  // first enter to last exit of a sample
  std::uint64_t rows_dropped = 0;
};

RunSummary summarise(std::span<const RankView> ranks,
                     std::span<const std::vector<JoinedColumns>> joined,
                     std::span<const SiteInfo> sites);

}  // namespace radixbench

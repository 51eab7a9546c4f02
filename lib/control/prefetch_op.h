#pragma once

#include "base/ids.h"
#include "base/sha256.h"

#include <atomic>
#include <cstdint>
#include <vector>

namespace radixbench {

// Stands in the release queue for a page that this rank never had: ranks take as many entries as
// the shortest queue holds, so that without it the peers' pages would wait for ever.
constexpr PageId kNoPage = 0xFFFFFFFFU;

// One prefetch, from the request for it until its last page is given back. Three threads see it:
// the fields say who may touch what when.
struct PrefetchOp {
  // Set before it is handed on, and fixed from then.
  RequestId request = 0;
  std::uint64_t started_step = 0;
  std::int64_t started_ns = 0;
  std::vector<Sha256Digest> hashes;  // one a page asked for
  std::vector<PageId> host_pages;    // as many, or none: this rank had no room and takes part
                                     // with nothing (rule `neutral`)
  std::uint64_t backups_needed = 0;  // real backups that the query must wait for
  std::int64_t agreed_at_ns = 0;     // when the hit count is agreed, on every rank
  std::int64_t page_ns = 1;          // this rank's time for a page
  std::int64_t read_start_ns = 0;    // added once before the first page

  // Written by the prefetch thread before is_query_done.
  std::atomic<std::uint32_t> agreed_hit_pages{0};  // what the ranks agreed on
  std::atomic<std::uint32_t> hit_pages{0};         // the same, or 0 where too short to be worth it
  std::atomic<bool> is_query_done{false};
  // Written by the IO thread.
  std::atomic<std::uint32_t> read_pages{0};
  std::atomic<bool> has_read_failed{false};  // a page was missing, torn or foreign
  std::atomic<bool> is_io_done{false};
  // Written by the scheduler thread, read by the IO thread.
  std::atomic<bool> is_stopped{false};

  // The scheduler thread's timeline.
  std::int64_t io_begin_ns = -1;    // its first page begins; -1: the IO thread has not come to it
  std::int64_t terminated_ns = -1;  // when the scheduler stopped it
  bool is_terminated = false;
  bool is_broken = false;        // a failed page was seen: as good as terminated (J 3.5)
  bool is_retired = false;       // the IO thread has let go of it
  std::uint32_t kept_pages = 0;  // completed, once terminated or retired
};

}  // namespace radixbench

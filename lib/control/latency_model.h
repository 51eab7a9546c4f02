#pragma once

#include "base/ids.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace radixbench {

// How long background work takes, in the run's own clock. Stated, not measured: the report says so.
// Per-page times follow from KV bytes and bandwidth, which the caller works out.
struct LatencyOptions {
  std::int64_t hit_query_base_ns = 300'000;
  std::int64_t hit_query_page_ns = 1'000;
  std::int64_t page_read_base_ns = 100'000;
  std::int64_t page_read_ns = 500'000;
  std::int64_t backup_base_ns = 100'000;
  std::int64_t backup_page_ns = 500'000;
  std::int64_t write_base_ns = 30'000;  // D->H
  std::int64_t write_page_ns = 40'000;
  std::int64_t load_base_ns = 30'000;  // H->D
  std::int64_t load_page_ns = 40'000;
  double jitter = 0.1;  // each operation takes 1 - jitter to 1 + jitter of the above
};

// What makes one rank slower or its clock wrong (--skew).
struct RankSkew {
  std::int64_t storage_ns = 0;    // added to each storage operation: query, read, backup
  std::int64_t write_ack_ns = 0;  // added before a finished D->H copy is seen
  std::int64_t load_ack_ns = 0;   // likewise H->D
  std::int64_t clock_ns = 0;      // this rank's reading of the run's clock is ahead by so much
  double clock_drift_ppm = 0;     // and runs fast by so many parts per million
};

// Durations that are the same on whichever rank works them out: a function of the seed, the rank
// they are for and the operation's number or request, and of nothing that happened in this process.
class LatencyModel {
 public:
  LatencyModel(const LatencyOptions& options, std::uint64_t seed, std::vector<RankSkew> skews);

  [[nodiscard]] std::int64_t hit_query_ns(Rank rank, RequestId request, std::size_t pages) const;
  [[nodiscard]] std::int64_t page_read_start_ns() const;
  [[nodiscard]] std::int64_t page_read_ns(Rank rank, RequestId request) const;
  [[nodiscard]] std::int64_t backup_ns(Rank rank, std::uint64_t number, std::size_t pages) const;
  [[nodiscard]] std::int64_t write_ns(Rank rank, std::uint64_t number, std::size_t pages) const;
  [[nodiscard]] std::int64_t load_ns(Rank rank, std::uint64_t number, std::size_t pages) const;
  [[nodiscard]] const RankSkew& skew(Rank rank) const;
  // What `rank` takes the time to be when the run's clock says now_ns: for policy time limits only.
  [[nodiscard]] std::int64_t local_now_ns(Rank rank, std::int64_t now_ns) const;

 private:
  [[nodiscard]] std::int64_t jittered(std::int64_t duration_ns,
                                      const char* stream,
                                      Rank rank,
                                      std::uint64_t number) const;

  LatencyOptions options_;
  std::uint64_t seed_;
  std::vector<RankSkew> skews_;
};

}  // namespace radixbench

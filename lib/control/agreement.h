#pragma once

#include "base/result.h"
#include "comm/communicator.h"
#include "layout/sites.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace radixbench {

// Which group the four sites of "Fix CP Reduce" reduce over (cache-behaviour 4.1).
enum class AgreementKind : std::uint8_t {
  kHardcodedTp,  // the TP cache group: lacks the CP peers where replicas > 1 and CP > 1
  kStageTp,      // the stage's literal tp: spans replicas where there are several
  kAttnGroups,   // attention CP if larger than one, then attention TP if larger than one, else the
                 // TP cache group: the fix
};
std::string_view to_string(AgreementKind kind);
Result<AgreementKind> parse_agreement(std::string_view text);

// How a question that spans two axes goes round.
enum class ReduceShape : std::uint8_t {
  kAxes,  // attention CP, then attention TP, as the engine does
  kGrid,  // once, over a flat group of both
};
std::string_view to_string(ReduceShape shape);
Result<ReduceShape> parse_reduce_shape(std::string_view text);

// One rank's handles on the groups that the cache is given. A group of one rank may be null. The
// scheduler thread owns them all.
struct CacheCommunicators {
  Communicator* tp_cache = nullptr;
  Communicator* attn_cp = nullptr;
  Communicator* attention_tp = nullptr;
  Communicator* tp = nullptr;
  Communicator* attn_grid = nullptr;  // attention CP x TP in one; where it is there the axes rest
};

// An ordered list of groups to reduce over, one after the other. MIN and MAX are idempotent and the
// axes orthogonal, so CP then TP is a reduction over the grid; every rank must keep the order.
class Reducer {
 public:
  Reducer() = default;
  // Groups that are null or of one rank are left out. Where nothing else is left the last one of
  // one rank is called instead: that asks nobody, but whoever watches its calls sees who was not
  // asked.
  explicit Reducer(std::span<Communicator* const> hops);

  [[nodiscard]] std::size_t hop_count() const { return hops_.size(); }
  Result<void> reduce(std::span<std::int32_t> values, ReduceOp op, const Call& call) const;
  Result<void> barrier(const Call& call) const;

 private:
  // The hops, or the lone one.
  [[nodiscard]] std::span<Communicator* const> called() const;

  std::vector<Communicator*> hops_;
  Communicator* lone_ = nullptr;
};

// Calls of a site, exact. An agreement counts although a lone rank asks nobody; wire operations are
// those on groups of more than one rank.
struct SiteCounts {
  std::uint64_t agreements = 0;
  std::uint64_t wire_ops = 0;
};

// How the scheduler thread puts its questions to the other ranks: a Reducer for each site, chosen
// once. Counts what it did. Not for the prefetch thread, which owns groups of its own.
class Agreement {
 public:
  Agreement(AgreementKind kind,
            const CacheCommunicators& groups,
            std::chrono::nanoseconds call_deadline);

  Result<void> reduce(Site site, std::uint64_t key, std::span<std::int32_t> values, ReduceOp op);
  Result<void> barrier(Site site, std::uint64_t key);

  // J's tp_world_size: what guards the result sync there.
  [[nodiscard]] std::size_t tp_cache_size() const { return tp_cache_size_; }
  [[nodiscard]] const SiteCounts& counts(Site site) const;
  [[nodiscard]] SiteCounts total() const;
  // Wall time spent inside calls so far.
  [[nodiscard]] std::int64_t blocked_ns() const { return blocked_ns_; }

 private:
  static constexpr std::size_t kSiteCount = 10;

  [[nodiscard]] const Reducer& reducer(Site site) const;
  [[nodiscard]] Call call(Site site, std::uint64_t key) const;
  template <typename Operation>
  Result<void> counted(Site site, Operation operation);

  Reducer moved_sites_;  // the four that the fix moved
  Reducer other_sites_;
  std::size_t tp_cache_size_;
  std::chrono::nanoseconds call_deadline_;
  std::array<SiteCounts, kSiteCount> counts_{};
  std::int64_t blocked_ns_ = 0;
};

}  // namespace radixbench

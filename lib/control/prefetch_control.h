#pragma once

#include "base/result.h"
#include "control/control_context.h"
#include "control/prefetch_pipeline.h"
#include "control/reports.h"
#include "control/storage_index.h"
#include "control/write_through.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace radixbench {

struct PrefetchControlOptions {
  PrefetchPolicy policy = PrefetchPolicy::kTimeout;
  std::vector<Rank> replica;          // ranks that agree on hit counts: for the op's times
  std::uint64_t capacity_tokens = 0;  // J: no new prefetch while as many tokens are in flight
};

// Prefetch from storage as the scheduler thread drives it (J 3.3, 6.3 to 6.8): when a request
// comes, when it is asked whether it may go on, when it is aborted, and the drain of the queues.
class PrefetchControl {
 public:
  PrefetchControl(ControlContext& context,
                  const PrefetchControlOptions& options,
                  PrefetchPipeline& pipeline,
                  StorageIndex& storage);

  // A request entered the waiting queue. `key`: all its tokens.
  void start(RequestId request, const Key& key);
  // True where the request may be admitted: its prefetch was answered, revoked or never was. Else
  // it runs on. The collectives of J 6.5 and 6.6 happen in here.
  Result<bool> check_progress(RequestId request);
  // The request left the waiting queue unserved.
  Result<void> release_aborted(RequestId request);
  // drain_storage_control_queues: how much of each queue is agreed, and that much is taken.
  Result<void> drain(WriteThrough& write_through);

  // Asked for and not yet answered; under rule `neutral` equal on all ranks of a replica.
  [[nodiscard]] bool is_running(RequestId request) const { return running_.contains(request); }
  [[nodiscard]] std::size_t running_count() const { return running_.size(); }
  // The earliest time at which a running prefetch can end: when its hit count is agreed.
  [[nodiscard]] std::int64_t earliest_end_ns(RequestId request) const {
    return running_.at(request).op->agreed_at_ns;
  }
  // Reports of prefetches that ended since the last call, in the order in which they did.
  std::vector<PrefetchReport> take_reports();
  [[nodiscard]] const std::vector<PrefetchReport>& reports() const { return reports_; }

  // Of the current step: N and M of product.md.
  [[nodiscard]] std::uint32_t examined_count() const { return examined_count_; }
  [[nodiscard]] std::uint32_t answered_count() const { return answered_count_; }
  void begin_step() { examined_count_ = answered_count_ = 0; }

 private:
  struct Running {
    std::shared_ptr<PrefetchOp> op;
    NodeId anchor = kRootNode;
    NodeId host_locked = kNoNode;
    std::uint32_t name_space = 0;
    std::uint32_t from_page = 0;  // of the request, where the prefetch begins
    std::vector<TokenId> tokens;  // of the pages asked for; empty where the tree keeps hashes
    std::vector<PageHash> hashes;
    PrefetchReport report;
  };

  void launch(
      RequestId request, const Key& key, const Match& match, bool has_anchor, std::uint32_t pages);
  [[nodiscard]] std::int64_t agreed_at_ns(RequestId request, std::size_t pages);
  Result<bool> can_terminate(RequestId request, Running& running);
  [[nodiscard]] bool is_over_limit(const PrefetchOp& op) const;
  Result<std::uint32_t> agree_on_completed(RequestId request, std::uint32_t completed_pages);
  void apply(Running& running, std::uint32_t agreed_pages, std::uint32_t completed_pages);
  void revoke(RequestId request);
  void finish(RequestId request, Running& running);

  ControlContext& context_;
  PrefetchControlOptions options_;
  PrefetchPipeline& pipeline_;
  StorageIndex& storage_;
  std::unordered_map<RequestId, Running> running_;
  std::vector<PrefetchReport> reports_;
  std::uint64_t occupied_tokens_ = 0;
  std::int64_t last_agreed_ns_ = 0;
  std::uint32_t examined_count_ = 0;
  std::uint32_t answered_count_ = 0;
};

}  // namespace radixbench

#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "control/agreement.h"
#include "control/background.h"
#include "control/prefetch_op.h"
#include "control/storage_index.h"
#include "tier/page_pool.h"
#include "tier/storage.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace radixbench {

struct PipelineOptions {
  BackgroundTiming timing;
  std::chrono::nanoseconds call_deadline{std::chrono::seconds{30}};
  std::uint32_t page_tokens = 1;
  std::uint32_t threshold_tokens = 256;
};

// The prefetch thread (asks storage how much of a prefetch it holds, agrees on the least over the
// replica, J 3.4), the IO thread (brings the pages, J 3.5) and what the scheduler knows of them.
// The two threads do the real work as fast as they can; what the scheduler sees of it at a time
// follows from the ops' times. All methods are the scheduler thread's.
class PrefetchPipeline {
 public:
  // Called on the prefetch thread before the hit count of an op is agreed.
  using BeforeAgreement = std::function<void(const PrefetchOp& op)>;

  // Called on the prefetch thread when it is about to go; `is_failure` where an error ended it. May
  // be empty.
  using Ended = std::function<void(bool is_failure)>;

  // `hops`: the prefetch thread's own groups, in order; it owns their use.
  PrefetchPipeline(const PipelineOptions& options,
                   Reducer hops,
                   StorageIndex& storage,
                   PagePool& host,
                   BeforeAgreement before_agreement,
                   Ended query_ended = {});
  ~PrefetchPipeline();
  PrefetchPipeline(const PrefetchPipeline&) = delete;
  PrefetchPipeline& operator=(const PrefetchPipeline&) = delete;

  void start(std::shared_ptr<PrefetchOp> op);
  // Brings queues and ops up to `now_ns`. First thing in a step.
  Result<void> advance(std::int64_t now_ns);

  // Pages of the agreed hit; 0 while it is not agreed.
  [[nodiscard]] static std::uint32_t agreed_pages(const PrefetchOp& op, std::int64_t now_ns);
  // Pages that have come by `now_ns`. Where a page failed the op is terminated from then on.
  Result<std::uint32_t> completed_pages(PrefetchOp& op, std::int64_t now_ns);
  // Stops it and answers the pages that had come. Pages beyond them go to the release queue when
  // the IO thread lets go.
  Result<std::uint32_t> terminate(PrefetchOp& op, std::int64_t now_ns);

  // The queues of J 3.1 as `now_ns` shows them; advance() first.
  [[nodiscard]] std::size_t revoked_count(std::int64_t now_ns) const;
  [[nodiscard]] std::size_t released_count(std::int64_t now_ns) const;
  RequestId pop_revoked();
  std::vector<PageId> pop_released(std::size_t count);
  void release(std::int64_t at_ns, std::vector<PageId> pages);
  // Ops whose pages are not all accounted for, and pages and revocations that wait to be drained.
  [[nodiscard]] bool is_idle() const;

 private:
  using TimeKey = std::pair<std::int64_t, std::uint64_t>;  // (visible from, sequence)

  Result<bool> retire_query(PrefetchOp& op, std::int64_t now_ns);
  Result<bool> retire_read(PrefetchOp& op, std::int64_t now_ns);
  Result<void> wait_until(const std::atomic<bool>& flag, const char* what);
  void run_queries();
  // Until it is to stop.
  Result<void> answer_queries();
  void run_reads();
  Result<void> query(PrefetchOp& op);
  void read(PrefetchOp& op);
  void set_failed(Error error);

  PipelineOptions options_;
  Reducer hops_;
  StorageIndex& storage_;
  PagePool& host_;
  BeforeAgreement before_agreement_;
  Ended query_ended_;

  // Scheduler thread.
  std::deque<std::shared_ptr<PrefetchOp>> querying_;
  std::deque<std::shared_ptr<PrefetchOp>> reading_;
  std::int64_t io_free_ns_ = 0;
  std::uint64_t next_sequence_ = 0;
  std::map<TimeKey, RequestId> revoked_;
  std::map<TimeKey, std::vector<PageId>> released_;

  // Shared by the three threads.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<PrefetchOp>> to_query_;
  std::deque<std::shared_ptr<PrefetchOp>> to_read_;
  bool is_stopping_ = false;
  bool has_failed_ = false;
  Error error_{ErrorCode::kTimeout, ""};
  std::thread query_thread_;
  std::thread read_thread_;
};

}  // namespace radixbench

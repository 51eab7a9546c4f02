#pragma once

#include "base/result.h"
#include "control/cache_controller.h"
#include "engine/live_request.h"
#include "engine/options.h"
#include "engine/request_cache.h"
#include "tier/page_pool.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace radixbench {

// A part of a prompt that this step computes.
struct PrefillChunk {
  std::unique_ptr<LiveRequest> request;
  std::uint32_t token_count = 0;
};

// Who waits and who may start (SGLang 6.1, _get_new_batch_prefill): first come, first served, when
// the prefetch is answered and input plus output of all that run fit on the device. One owner: the
// scheduler thread.
class Admission {
 public:
  // `slots`: one request slot a running request (J's req_to_token_pool); under j its free count
  // decides who is examined.
  Admission(const EngineOptions& options,
            const Rules& rules,
            CacheController& cache,
            RequestCache& requests,
            PagePool& slots);

  // False where the request could never fit.
  [[nodiscard]] bool can_ever_fit(const LiveRequest& request) const;
  void enqueue(std::unique_ptr<LiveRequest> request);
  [[nodiscard]] bool is_waiting(RequestId request) const;
  // Takes it out of the queue; null where it does not wait.
  std::unique_ptr<LiveRequest> withdraw(RequestId request);
  // A prefetch ended: noted with the request that asked, if it waits.
  void note(const PrefetchReport& report);

  // Asks about the waiting requests' prefetches and admits. Answers the chunks to compute now: what
  // goes on from the step before comes first.
  Result<std::vector<PrefillChunk>> next_batch();
  // The chunk was computed and more of its prompt is left.
  void go_on(std::unique_ptr<LiveRequest> request);
  // The request ended: its reservation and slot are free.
  void leave(const LiveRequest& request);

  [[nodiscard]] std::size_t waiting_count() const { return waiting_.size(); }
  [[nodiscard]] std::size_t running_count() const { return running_count_; }

 private:
  struct Batch {
    std::uint32_t tokens_left = 0;
    bool is_closed = false;
    std::vector<PrefillChunk> chunks;
  };

  [[nodiscard]] bool is_open_question(const LiveRequest& request) const;
  Result<bool> is_answered(LiveRequest& request);
  void note_examine(const LiveRequest& request, bool is_examined) const;
  void note_not_examined() const;
  void note_admit(const LiveRequest& request, std::uint32_t chunk) const;
  [[nodiscard]] bool is_full();
  [[nodiscard]] bool fits(const LiveRequest& request) const;
  [[nodiscard]] std::uint64_t reserve_pages(const LiveRequest& request) const;
  void add_unfinished(Batch& batch);
  // False where the request stays in the queue.
  bool add(std::unique_ptr<LiveRequest>& request, Batch& batch);
  [[nodiscard]] std::uint32_t chunk_of(const LiveRequest& request, const Batch& batch) const;

  EngineOptions options_;
  const Rules& rules_;
  CacheController& cache_;
  RequestCache& requests_;
  PagePool& slots_;
  std::deque<std::unique_ptr<LiveRequest>> waiting_;
  std::unique_ptr<LiveRequest> unfinished_;
  std::size_t running_count_ = 0;
  std::uint64_t reserved_pages_ = 0;
  std::vector<PageId> taken_slots_;
};

}  // namespace radixbench

#pragma once

#include "base/result.h"
#include "control/agreement.h"
#include "control/control_context.h"
#include "control/device_allocator.h"
#include "control/load_back.h"
#include "control/prefetch_control.h"
#include "control/prefetch_pipeline.h"
#include "control/storage_index.h"
#include "control/write_through.h"
#include "tier/page_copier.h"
#include "tier/storage.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// What a controller is built over; all of it outlives the controller.
struct CacheParts {
  PagePool& device;
  PagePool& host;
  PageCopier* copier = nullptr;  // between the two; null where both are plain memory
  Storage* storage = nullptr;    // null: no storage tier, no prefetch, no drain
  Agreement& agreement;
  Reducer prefetch_hops;                               // the prefetch thread's own groups
  PrefetchPipeline::BeforeAgreement before_hit_count;  // may be empty
  PrefetchPipeline::Ended prefetch_thread_ended{};     // may be empty
  DecisionSink* decisions = nullptr;
};

struct CacheOptions {
  Rank rank = 0;
  std::vector<Rank> replica;
  std::uint32_t page_tokens = 1;
  std::uint64_t hash_seed = 0;
  std::uint32_t backup_threshold = 1;  // write_through; 2 is write_through_selective
  PrefetchPolicy policy = PrefetchPolicy::kTimeout;
  Rules rules;
  BackgroundTiming timing;
  std::chrono::nanoseconds call_deadline{std::chrono::seconds{30}};
  // Wraps the host allocator, for faults; may be empty.
  std::function<std::unique_ptr<HostAllocator>(std::unique_ptr<HostAllocator>)> wrap_host_allocator;
};

// One rank's hierarchical cache: the tree, its tiers, and the controllers that move pages between
// them and keep the ranks of a replica in step. One owner: the scheduler thread.
class CacheController {
 public:
  CacheController(CacheOptions options, CacheParts parts, const LatencyModel& latency);
  ~CacheController();
  CacheController(const CacheController&) = delete;
  CacheController& operator=(const CacheController&) = delete;

  // Background work becomes visible up to `now_ns`.
  Result<void> begin_step(std::uint64_t step, std::int64_t now_ns);
  // J 6.2: writing_check, loading_check, and with storage the drain.
  Result<void> check_hicache_events();
  // J: once more in a decode step.
  Result<void> flush_write_through_acks() { return write_through_->check(); }

  // What a forward pass would write to a device page: the bytes of a seed. A failure shows at the
  // next begin_step().
  void fill(PageId page, std::uint64_t seed);

  [[nodiscard]] RadixTree& tree() { return *tree_; }
  [[nodiscard]] DeviceAllocator& device() { return *device_; }
  [[nodiscard]] LoadBack& load_back() { return *load_back_; }
  [[nodiscard]] WriteThrough& write_through() { return *write_through_; }
  [[nodiscard]] PrefetchControl* prefetch() { return prefetch_.get(); }  // null without storage
  [[nodiscard]] const ControlContext& context() const { return *context_; }

  // Whether a running prefetch may be asked about without being stopped by it.
  [[nodiscard]] bool has_votes() const { return options_.policy != PrefetchPolicy::kBestEffort; }
  // Nothing in flight anywhere.
  [[nodiscard]] bool is_idle() const;
  // Of agreed state: tree, free counts, and how much is in flight. Equal on ranks that agree.
  [[nodiscard]] std::uint64_t digest();
  // Of what is in flight: changes whenever that does.
  [[nodiscard]] std::uint64_t in_flight_digest() const;
  // Calls of the prefetch thread's site so far, exact.
  [[nodiscard]] SiteCounts hit_count_calls() const;
  // Once idle and with no request holding pages: every page is in the tree or free, every lock is
  // gone, the tree is sound. What is not, in words.
  [[nodiscard]] std::vector<std::string> violations() const;

 private:
  CacheOptions options_;
  CacheParts parts_;
  std::size_t prefetch_hop_count_;
  std::unique_ptr<RadixTree> tree_;
  std::unique_ptr<PageCopier> memory_copier_;  // where none was given
  std::unique_ptr<HostAllocator> host_allocator_;
  std::unique_ptr<ControlContext> context_;
  std::unique_ptr<DeviceAllocator> device_;
  std::unique_ptr<StorageIndex> storage_index_;
  std::unique_ptr<WriteThrough> write_through_;
  std::unique_ptr<LoadBack> load_back_;
  std::unique_ptr<PrefetchPipeline> pipeline_;
  std::unique_ptr<PrefetchControl> prefetch_;
  std::vector<std::byte> bytes_;  // of a page that is filled
  std::optional<Error> fill_failure_;
};

}  // namespace radixbench

#include "control/cache_controller.h"

#include "base/random.h"
#include "control/page_payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace radixbench {
namespace {

TreeOptions tree_options(const CacheOptions& options, bool has_storage) {
  return {.page_tokens = options.page_tokens,
          .hash_seed = options.hash_seed,
          .has_storage = has_storage,
          .stamps_split_remainder = options.rules.stamps_split_remainder,
          .counts_digest = true,
          .backup_threshold = options.backup_threshold};
}

std::uint64_t prefetch_capacity_tokens(const CacheOptions& options, const CacheParts& parts) {
  const std::size_t host = parts.host.page_count();
  const std::size_t device = std::min(parts.device.page_count(), host);
  return static_cast<std::uint64_t>(options.rules.prefetch_capacity_share *
                                    static_cast<double>(host - device)) *
         options.page_tokens;
}

}  // namespace

CacheController::CacheController(CacheOptions options,
                                 CacheParts parts,
                                 const LatencyModel& latency)
    : options_{std::move(options)},
      parts_{std::move(parts)},
      prefetch_hop_count_{parts_.prefetch_hops.hop_count()},
      tree_{std::make_unique<RadixTree>(tree_options(options_, parts_.storage != nullptr))},
      memory_copier_{parts_.copier == nullptr ? make_memory_copier(parts_.host, parts_.device)
                                              : nullptr},
      host_allocator_{make_host_allocator(*tree_, parts_.host)} {
  if (parts_.copier == nullptr) parts_.copier = memory_copier_.get();
  if (options_.wrap_host_allocator) {
    host_allocator_ = options_.wrap_host_allocator(std::move(host_allocator_));
  }
  context_.reset(new ControlContext{.rank = options_.rank,
                                    .page_tokens = options_.page_tokens,
                                    .rules = options_.rules,
                                    .latency = latency,
                                    .timing = options_.timing,
                                    .tree = *tree_,
                                    .device = parts_.device,
                                    .host = parts_.host,
                                    .copier = *parts_.copier,
                                    .host_allocator = *host_allocator_,
                                    .agreement = parts_.agreement,
                                    .decisions = parts_.decisions});
  device_ = std::make_unique<DeviceAllocator>(*context_);
  if (parts_.storage != nullptr) {
    storage_index_ = std::make_unique<StorageIndex>(*parts_.storage, parts_.host, options_.timing);
  }
  write_through_ = std::make_unique<WriteThrough>(*context_, storage_index_.get());
  load_back_ = std::make_unique<LoadBack>(*context_, *device_);
  if (!storage_index_) return;
  const PipelineOptions pipeline_options{
      .timing = options_.timing,
      .call_deadline = options_.call_deadline,
      .page_tokens = options_.page_tokens,
      .threshold_tokens = options_.rules.prefetch_threshold_tokens};
  auto before = parts_.before_hit_count ? parts_.before_hit_count : [](const PrefetchOp&) {};
  pipeline_ = std::make_unique<PrefetchPipeline>(pipeline_options,
                                                 parts_.prefetch_hops,
                                                 *storage_index_,
                                                 parts_.host,
                                                 std::move(before),
                                                 parts_.prefetch_thread_ended);
  prefetch_ = std::make_unique<PrefetchControl>(
      *context_,
      PrefetchControlOptions{.policy = options_.policy,
                             .replica = options_.replica,
                             .capacity_tokens = prefetch_capacity_tokens(options_, parts_)},
      *pipeline_,
      *storage_index_);
}

CacheController::~CacheController() = default;

Result<void> CacheController::begin_step(std::uint64_t step, std::int64_t now_ns) {
  context_->step = step;
  context_->now_ns = now_ns;
  if (fill_failure_) return tl::unexpected(*fill_failure_);
  if (!pipeline_) return {};
  prefetch_->begin_step();
  return pipeline_->advance(now_ns);
}

void CacheController::fill(PageId page, std::uint64_t seed) {
  bytes_.resize(parts_.device.page_bytes());
  fill_payload(bytes_, seed);
  if (Result<void> written = parts_.copier->write(page, bytes_); !written && !fill_failure_) {
    fill_failure_ = written.error();
  }
}

Result<void> CacheController::check_hicache_events() {
  if (Result<void> done = write_through_->check(); !done) return done;
  if (Result<void> done = load_back_->check(); !done) return done;
  if (!prefetch_) return {};
  return prefetch_->drain(*write_through_);
}

bool CacheController::is_idle() const {
  return write_through_->in_flight() == 0 && write_through_->storing() == 0 &&
         load_back_->in_flight() == 0 &&
         (!pipeline_ || (prefetch_->running_count() == 0 && pipeline_->is_idle()));
}

std::uint64_t CacheController::digest() {
  std::uint64_t digest = tree_->digest();
  for (const std::size_t part : {parts_.device.free_count(),
                                 parts_.host.free_count(),
                                 write_through_->in_flight(),
                                 write_through_->storing(),
                                 load_back_->in_flight(),
                                 prefetch_ ? prefetch_->running_count() : 0}) {
    digest = mix64(digest + part + 1);
  }
  return digest;
}

std::uint64_t CacheController::in_flight_digest() const {
  std::uint64_t digest = 0;
  for (const std::size_t part : {write_through_->in_flight(),
                                 write_through_->storing(),
                                 load_back_->in_flight(),
                                 prefetch_ ? prefetch_->running_count() : 0,
                                 parts_.host.free_count()}) {
    digest = mix64(digest + part + 1);
  }
  return digest;
}

SiteCounts CacheController::hit_count_calls() const {
  const std::uint64_t calls = context_->counts.prefetches;
  return {.agreements = calls, .wire_ops = calls * prefetch_hop_count_};
}

std::vector<std::string> CacheController::violations() const {
  std::vector<std::string> found;
  const TreeCounts tree = tree_->counts();
  const auto balance = [&](const char* tier, const PagePool& pool, std::uint64_t in_tree) {
    if (pool.free_count() + in_tree == pool.page_count()) return;
    found.push_back(fmt::format("{}: {} pages in the tree + {} free != {}",
                                tier,
                                in_tree,
                                pool.free_count(),
                                pool.page_count()));
  };
  balance("device", parts_.device, tree.device_pages);
  balance("host", parts_.host, tree.host_pages);
  if (tree.device_pages_locked != 0) {
    found.push_back(fmt::format("{} device pages are still locked", tree.device_pages_locked));
  }
  if (std::optional<std::string> broken = tree_->check()) found.push_back(std::move(*broken));
  return found;
}

}  // namespace radixbench

#include "support/cache_world.h"

#include "base/check.h"
#include "comm/thread_fabric.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>

namespace radixbench {
namespace {

std::vector<RankSkew> skews_of(const CacheWorldOptions& options, const Layout& layout) {
  if (!options.skews.empty()) return options.skews;
  return std::vector<RankSkew>(layout.world_size());
}

LatencyOptions without_jitter(LatencyOptions options) {
  options.jitter = 0;
  return options;
}

CacheOptions cache_options(const CacheWorldOptions& options, const Layout& layout, Rank rank) {
  CacheOptions made{.rank = rank,
                    .replica = layout.replica(rank),
                    .page_tokens = options.page_tokens,
                    .hash_seed = 1,
                    .policy = options.policy,
                    .rules = options.rules,
                    .timing = options.timing,
                    .call_deadline = options.deadline,
                    .wrap_host_allocator = {}};
  if (options.wrap_host_allocator) {
    made.wrap_host_allocator = [wrap = options.wrap_host_allocator, rank](auto inner) {
      return wrap(rank, std::move(inner));
    };
  }
  return made;
}

RankGroups open_groups(const Layout& layout,
                       Fabric& fabric,
                       CallObserver& scheduler,
                       CallObserver& prefetch) {
  Result<RankGroups> groups = RankGroups::open(
      layout, fabric, scheduler, prefetch, deadline_after(std::chrono::seconds{30}));
  RADIXBENCH_CHECK(groups.has_value());
  return std::move(*groups);
}

}  // namespace

CacheRank::CacheRank(const CacheWorldOptions& options, const Layout& layout, Fabric& fabric)
    : rank{fabric.rank()},
      groups{open_groups(layout, fabric, scheduler_calls, prefetch_calls)},
      device{make_memory_pool(options.device_pages, 16)},
      host{make_memory_pool(options.host_pages, 16)},
      latency{without_jitter(options.latency), 1, skews_of(options, layout)},
      agreement{options.agreement, groups.cache(layout), options.deadline},
      cache{std::make_unique<CacheController>(cache_options(options, layout, rank),
                                              CacheParts{.device = *device,
                                                         .host = *host,
                                                         .storage = &storage,
                                                         .agreement = agreement,
                                                         .prefetch_hops = groups.prefetch_hops(),
                                                         .before_hit_count = {}},
                                              latency)},
      page_tokens_{options.page_tokens},
      hasher_{1, options.page_tokens} {}

OwnedKey CacheRank::key(const Tokens& tokens) const {
  return {cache->context().tree.options(), hasher_, tokens, 0};
}

Result<void> CacheRank::step(std::int64_t now_ns) {
  if (Result<void> begun = cache->begin_step(step_++, now_ns); !begun) return begun;
  return cache->check_hicache_events();
}

bool CacheRank::keep(const Tokens& tokens) {
  const OwnedKey owned = key(tokens);
  RadixTree& tree = cache->tree();
  const Match match = tree.match(owned.key());
  std::vector<PageId> pages;
  tree.gather_device(match.device_node, pages);
  const NodeId locked = tree.lock(match.device_node);
  const bool has_room =
      cache->device().take(tokens.size() / page_tokens_ - match.device_pages, pages);
  tree.unlock(locked);
  if (!has_room) return false;
  const Insertion done = tree.insert(owned.key(), pages, {.private_from_page = match.device_pages});
  cache->device().give_back(done.duplicate_pages);
  cache->write_through().back_up(done.backups);
  return true;
}

void CacheRank::start_prefetch(RequestId request, const Tokens& tokens) {
  const OwnedKey owned = key(tokens);
  cache->prefetch()->start(request, owned.key());
}

bool CacheRank::check_progress(RequestId request) {
  const Result<bool> may_go_on = cache->prefetch()->check_progress(request);
  EXPECT_TRUE(may_go_on) << "rank " << rank << ": " << may_go_on.error().message;
  return may_go_on && *may_go_on;
}

void CacheRank::store(const Tokens& tokens, std::size_t pages) {
  const std::vector<Sha256Digest> hashes = storage_page_hashes(nullptr, tokens, page_tokens_);
  storage.hold(std::span{hashes}.first(pages));
}

void CacheRank::tear(const Tokens& tokens, std::size_t page) {
  storage.tear(storage_page_hashes(nullptr, tokens, page_tokens_).at(page));
}

CacheWorld::CacheWorld(CacheWorldOptions options)
    : options_{std::move(options)}, layout_{make_layout(options_.layout).value()} {}

void CacheWorld::run(const std::function<void(CacheRank& rank)>& body) {
  const std::unique_ptr<World> world = make_thread_world(layout_.world_size());
  std::vector<std::jthread> threads;
  for (Rank rank = 0; rank < layout_.world_size(); ++rank) {
    threads.emplace_back([&, rank] {
      const std::unique_ptr<Fabric> fabric = world->attach(
          rank, [](std::uint16_t site) { return to_string(static_cast<Site>(site)); });
      CacheRank made{options_, layout_, *fabric};
      SCOPED_TRACE(testing::Message() << "rank " << rank);
      body(made);
    });
  }
}

}  // namespace radixbench

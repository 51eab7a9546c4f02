// What a request is told of where its prompt came from: the parts add up to the input, and of what
// was computed the reasons are shown.

#include "engine/request_cache.h"

#include "engine/engine_rank.h"

#include <gmock/gmock.h>

#include <functional>

namespace radixbench {
namespace {

constexpr std::uint64_t kNoQuota = 1'000;

class RequestCacheTest : public testing::Test {
 protected:
  void run(const std::vector<HandTrace::Row>& rows,
           const std::function<void(EngineRank&, CacheRank&)>& body) {
    const HandTrace trace{rows};
    CacheWorldOptions world;
    world.policy = PrefetchPolicy::kBestEffort;
    CacheWorld{world}.run([&](CacheRank& rank) {
      EXPECT_TRUE(rank.step(0));
      EngineRank engine{rank, trace, {.page_tokens = 64, .cost = {}}, Rules{}};
      body(engine, rank);
      EXPECT_TRUE(rank.step(10'000 * kMillisecond));
      EXPECT_TRUE(rank.step(20'000 * kMillisecond));
      EXPECT_THAT(rank.cache->violations(), testing::IsEmpty());
      EXPECT_EQ(rank.counts().pages_wrong, 0U);
    });
  }
  // A whole request, from admission to the pages that it leaves behind.
  static RequestReport serve(EngineRank& engine, std::unique_ptr<LiveRequest> live) {
    engine.requests.admit(*live, kNoQuota);
    const RequestReport report = live->report;
    expect_identity(report);
    const std::uint32_t rest = live->input - live->kv_tokens;
    EXPECT_EQ(rest, report.computed);
    EXPECT_TRUE(engine.requests.grow(*live, rest));
    engine.requests.computed(*live, rest);
    engine.requests.keep_finished(*live);
    return report;
  }
  static void expect_identity(const RequestReport& report) {
    EXPECT_EQ(report.device + report.host + report.storage + report.computed, report.input);
    EXPECT_LE(report.last_token + report.below_page + report.load_back_refused, report.computed);
  }
  // All that is on the device goes to the host alone.
  static void evict(CacheRank& rank) {
    EXPECT_TRUE(rank.step(1'000 * kMillisecond));
    EXPECT_TRUE(rank.step(2'000 * kMillisecond));
    rank.device->give_back(rank.cache->tree().evict_device(64).device_pages);
  }
};

TEST_F(RequestCacheTest, AFirstPromptIsComputed) {
  run({{.input = 600}}, [](EngineRank& engine, CacheRank&) {
    const RequestReport report = serve(engine, engine.make(0));
    EXPECT_EQ(report.computed, 600U);
    EXPECT_EQ(report.below_page, 600U % 64);
    EXPECT_EQ(report.last_token, 0U);
  });
}

TEST_F(RequestCacheTest, TheLastTokenIsComputedAndItsPageWithItThoughTheTreeHoldsIt) {
  run({{.input = 512, .first_block = 0}, {.input = 512, .first_block = 0}},
      [](EngineRank& engine, CacheRank&) {
        serve(engine, engine.make(0));
        const RequestReport report = serve(engine, engine.make(1));
        EXPECT_EQ(report.device, 448U);
        EXPECT_EQ(report.last_token, 64U);
        EXPECT_EQ(report.below_page, 0U);
      });
}

TEST_F(RequestCacheTest, ATailThatFillsNoPageIsNotALastTokensPage) {
  run({{.input = 540, .first_block = 0}, {.input = 540, .first_block = 0}},
      [](EngineRank& engine, CacheRank&) {
        serve(engine, engine.make(0));
        const RequestReport report = serve(engine, engine.make(1));
        EXPECT_EQ(report.device, 512U);
        EXPECT_EQ(report.below_page, 28U);
        EXPECT_EQ(report.last_token, 0U);
      });
}

TEST_F(RequestCacheTest, APromptOnTheHostIsLoadedBackWithItsBytes) {
  run({{.input = 540, .first_block = 0}, {.input = 540, .first_block = 0}},
      [](EngineRank& engine, CacheRank& rank) {
        serve(engine, engine.make(0));
        evict(rank);
        const RequestReport report = serve(engine, engine.make(1));
        rank.cache->load_back().start_queued();
        EXPECT_EQ(report.device, 0U);
        EXPECT_EQ(report.host, 512U);
        EXPECT_EQ(report.storage, 0U);
        EXPECT_TRUE(rank.step(3'000 * kMillisecond));
        EXPECT_EQ(rank.counts().pages_verified, 8U);
      });
}

TEST_F(RequestCacheTest, ALoadThatIsRefusedIsShownAndComputed) {
  // 192 tokens on the host are not worth a load; of 512 the quota takes none.
  run({{.input = 192, .first_block = 0}, {.input = 200, .first_block = 0}},
      [](EngineRank& engine, CacheRank& rank) {
        serve(engine, engine.make(0));
        evict(rank);
        const RequestReport report = serve(engine, engine.make(1));
        EXPECT_EQ(report.host, 0U);
        EXPECT_EQ(report.load_back_refused, 192U);
        EXPECT_EQ(report.computed, 200U);
      });
  run({{.input = 540, .first_block = 0}, {.input = 540, .first_block = 0}},
      [](EngineRank& engine, CacheRank& rank) {
        serve(engine, engine.make(0));
        evict(rank);
        const auto live = engine.make(1);
        engine.requests.admit(*live, 7);
        expect_identity(live->report);
        EXPECT_EQ(live->report.load_back_refused, 512U);
        engine.requests.retreat(*live);
      });
}

TEST_F(RequestCacheTest, WhatItsOwnPrefetchInsertedIsStorageAndTheRestHost) {
  run({{.input = 1'100, .first_block = 0}, {.input = 1'100, .first_block = 0}},
      [](EngineRank& engine, CacheRank& rank) {
        serve(engine, engine.make(0));
        evict(rank);
        const auto live = engine.make(1);
        // Its prefetch brought the last ten of 17 pages, of which one is the last token's.
        live->has_prefetch = true;
        live->prefetch.inserted_from = 7 * 64;
        live->prefetch.inserted = 10 * 64;
        engine.requests.admit(*live, kNoQuota);
        expect_identity(live->report);
        EXPECT_EQ(live->report.host, 7 * 64U);
        EXPECT_EQ(live->report.storage, 10 * 64U);
        engine.requests.retreat(*live);
        rank.cache->load_back().start_queued();
      });
}

TEST_F(RequestCacheTest, AnothersPrefetchIsHost) {
  run({{.input = 540, .first_block = 0}, {.input = 540, .first_block = 0}},
      [](EngineRank& engine, CacheRank& rank) {
        serve(engine, engine.make(0));
        evict(rank);
        rank.host->give_back(rank.cache->tree().evict_host(64).host_pages);
        const auto live = engine.make(1);
        rank.cache->prefetch()->start(0, engine.make(0)->key(540, 64));
        EXPECT_TRUE(rank.step(3'000 * kMillisecond));
        EXPECT_TRUE(rank.check_progress(0));
        engine.requests.admit(*live, kNoQuota);
        expect_identity(live->report);
        EXPECT_EQ(live->report.host, 512U);
        EXPECT_EQ(live->report.storage, 0U);
        engine.requests.retreat(*live);
        rank.cache->load_back().start_queued();
      });
}

TEST_F(RequestCacheTest, ACutPrefetchIsShownUpToWhatNothingElseExplains) {
  run({{.input = 540, .first_block = 0}}, [](EngineRank& engine, CacheRank&) {
    auto live = engine.make(0);
    live->has_prefetch = true;
    live->prefetch.cut = 1'000;
    EXPECT_EQ(serve(engine, std::move(live)).prefetch_cut, 512U);
  });
}

TEST_F(RequestCacheTest, RetreatLeavesTheCacheAsItWas) {
  run({{.input = 512, .first_block = 0}, {.input = 900, .first_block = 0}},
      [](EngineRank& engine, CacheRank& rank) {
        serve(engine, engine.make(0));
        EXPECT_TRUE(rank.step(1'000 * kMillisecond));
        const std::size_t free_before = rank.device->free_count();
        const auto live = engine.make(1);
        engine.requests.admit(*live, kNoQuota);
        EXPECT_EQ(rank.cache->tree().counts().device_pages_locked, 8U);
        EXPECT_TRUE(engine.requests.grow(*live, 300));
        engine.requests.retreat(*live);
        EXPECT_EQ(rank.device->free_count(), free_before);
        EXPECT_EQ(rank.cache->tree().counts().device_pages_locked, 0U);
        EXPECT_EQ(live->kv_tokens, 0U);
      });
}

TEST_F(RequestCacheTest, GrowingTakesPagesOnlyWhereAPageIsFull) {
  run({{.input = 100, .output = 40}}, [](EngineRank& engine, CacheRank& rank) {
    const auto live = engine.make(0);
    engine.requests.admit(*live, kNoQuota);
    EXPECT_TRUE(engine.requests.grow(*live, 100));
    EXPECT_EQ(live->pages.size(), 2U);
    engine.requests.computed(*live, 100);
    EXPECT_TRUE(engine.requests.grow(*live, 28));
    EXPECT_EQ(live->pages.size(), 2U);
    EXPECT_TRUE(engine.requests.grow(*live, 29));
    EXPECT_EQ(live->pages.size(), 3U);
    EXPECT_FALSE(engine.requests.grow(*live, 64 * 64));
    EXPECT_EQ(live->pages.size(), 3U);
    engine.requests.keep_finished(*live);
    EXPECT_EQ(rank.device->free_count(), 63U);
  });
}

}  // namespace
}  // namespace radixbench

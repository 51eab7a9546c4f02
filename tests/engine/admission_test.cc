#include "engine/admission.h"

#include "engine/engine_rank.h"

#include <gmock/gmock.h>

#include <functional>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// One lone rank with 64 device pages of 64 tokens.
class AdmissionTest : public testing::Test {
 protected:
  void run(const std::vector<HandTrace::Row>& rows,
           const std::function<void(EngineRank&, CacheRank&)>& body) {
    const HandTrace trace{rows};
    CacheWorldOptions world;
    world.rules = rules;
    world.policy = PrefetchPolicy::kWaitComplete;
    CacheWorld{world}.run([&](CacheRank& rank) {
      EXPECT_TRUE(rank.step(0));
      EngineRank engine{rank, trace, options, rules};
      body(engine, rank);
    });
  }
  static std::vector<std::pair<RequestId, std::uint32_t>> shape(
      const std::vector<PrefillChunk>& batch) {
    std::vector<std::pair<RequestId, std::uint32_t>> shape;
    for (const PrefillChunk& chunk : batch)
      shape.emplace_back(chunk.request->id, chunk.token_count);
    return shape;
  }
  static auto chunk(RequestId request, std::uint32_t tokens) {
    return std::pair<RequestId, std::uint32_t>{request, tokens};
  }

  EngineOptions options{.page_tokens = 64, .running_max = 4, .chunk_tokens = 8'192, .cost = {}};
  Rules rules;
};

TEST_F(AdmissionTest, RoomForInputAndOutputIsReservedUntilTheRequestLeaves) {
  // 31 pages and two for the ends each: two of them are two pages too many.
  run({{.input = 1'024, .output = 960}, {.input = 1'024, .output = 960}},
      [](EngineRank& engine, CacheRank& rank) {
        engine.arrive(0);
        engine.arrive(1);
        EXPECT_TRUE(rank.step(10 * kMillisecond));  // their prefetches found nothing
        auto batch = engine.next_batch();
        EXPECT_THAT(shape(batch), ElementsAre(chunk(0, 1'024)));
        EXPECT_EQ(engine.admission.waiting_count(), 1U);
        auto first = engine.compute(batch[0]);
        EXPECT_THAT(engine.next_batch(), IsEmpty());
        engine.finish(std::move(first));
        EXPECT_TRUE(rank.step(20 * kMillisecond));  // and its copies to the host have ended
        EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(1, 1'024)));
      });
}

TEST_F(AdmissionTest, PagesLockedByCopiesThatOutliveTheirRequestAreNotPromisedAgain) {
  run({{.input = 1'024, .output = 1}, {.input = 3'200, .output = 1}},
      [](EngineRank& engine, CacheRank& rank) {
        engine.arrive(0);
        EXPECT_TRUE(rank.step(10 * kMillisecond));
        auto batch = engine.next_batch();
        engine.finish(engine.compute(batch.at(0)));
        EXPECT_EQ(rank.cache->write_through().pages_in_flight(), 16U);
        engine.admission.enqueue(engine.make(1));
        EXPECT_THAT(engine.next_batch(), IsEmpty());  // 52 and 16 are more than 64
        EXPECT_TRUE(rank.step(50 * kMillisecond));
        EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(1, 3'200)));
      });
}

TEST_F(AdmissionTest, WhatCouldNeverFitIsKnownAtOnce) {
  run({{.input = 3'900, .output = 68}, {.input = 3'900, .output = 69}, {.input = 0}},
      [](EngineRank& engine, CacheRank&) {
        EXPECT_TRUE(engine.admission.can_ever_fit(*engine.make(0)));
        EXPECT_FALSE(engine.admission.can_ever_fit(*engine.make(1)) &&
                     engine.admission.can_ever_fit(*engine.make(2)));
        EXPECT_FALSE(engine.admission.can_ever_fit(*engine.make(2)));
      });
}

TEST_F(AdmissionTest, ALongPromptIsComputedInChunksOverSeveralSteps) {
  options.chunk_tokens = 256;
  run({{.input = 600}, {.input = 200}}, [](EngineRank& engine, CacheRank& rank) {
    engine.arrive(0);
    engine.arrive(1);
    EXPECT_TRUE(rank.step(10 * kMillisecond));
    auto batch = engine.next_batch();
    EXPECT_THAT(shape(batch), ElementsAre(chunk(0, 256)));
    EXPECT_EQ(engine.compute(batch[0]), nullptr);
    EXPECT_EQ(engine.admission.running_count(), 1U);
    batch = engine.next_batch();
    EXPECT_THAT(shape(batch), ElementsAre(chunk(0, 256)));
    EXPECT_EQ(engine.compute(batch[0]), nullptr);
    // The last part leaves room for the whole pages of the next: 168 tokens are left, two pages.
    batch = engine.next_batch();
    EXPECT_THAT(shape(batch), ElementsAre(chunk(0, 88), chunk(1, 128)));
    EXPECT_NE(engine.compute(batch[0]), nullptr);
    EXPECT_EQ(engine.compute(batch[1]), nullptr);
    EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(1, 72)));
  });
}

TEST_F(AdmissionTest, OneThatDoesNotFitIsNotOvertaken) {
  run({{.input = 2'048}, {.input = 3'000}, {.input = 64}}, [](EngineRank& engine, CacheRank&) {
    for (RequestId request = 0; request < 3; ++request) {
      engine.admission.enqueue(engine.make(request));
    }
    EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(0, 2'048)));
    EXPECT_EQ(engine.admission.waiting_count(), 2U);
    EXPECT_TRUE(engine.admission.is_waiting(1));
    EXPECT_TRUE(engine.admission.is_waiting(2));
  });
}

TEST_F(AdmissionTest, OneWhosePrefetchRunsIsPassedByOneThatIsReady) {
  run({{.input = 512}, {.input = 64}}, [](EngineRank& engine, CacheRank& rank) {
    engine.arrive(0);
    engine.arrive(1);
    EXPECT_TRUE(rank.cache->prefetch()->is_running(0));
    EXPECT_FALSE(rank.cache->prefetch()->is_running(1));  // too short for one
    EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(1, 64)));
    EXPECT_TRUE(rank.step(10 * kMillisecond));
    EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(0, 512)));
  });
}

TEST_F(AdmissionTest, AWithdrawnRequestWaitsNoMore) {
  run({{.input = 64}, {.input = 64}}, [](EngineRank& engine, CacheRank&) {
    engine.admission.enqueue(engine.make(0));
    engine.admission.enqueue(engine.make(1));
    EXPECT_EQ(engine.admission.withdraw(0)->id, 0U);
    EXPECT_EQ(engine.admission.withdraw(0), nullptr);
    EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(1, 64)));
  });
}

// A running request fills the only place; two more wait with prefetches under way.
void fill_and_wait(EngineRank& engine) {
  engine.admission.enqueue(engine.make(0));
  EXPECT_EQ(engine.next_batch().size(), 1U);
  engine.arrive(1);
  engine.arrive(2);
}
const std::vector<HandTrace::Row> kThreeRows = {{.input = 64}, {.input = 512}, {.input = 512}};

TEST_F(AdmissionTest, UnderFixedAllThatWaitAreAskedThoughNobodyMayStart) {
  options.running_max = 1;
  run(kThreeRows, [](EngineRank& engine, CacheRank& rank) {
    fill_and_wait(engine);
    EXPECT_THAT(engine.next_batch(), IsEmpty());
    EXPECT_EQ(rank.agreement.counts(Site::kCanTerminatePrefetch).agreements, 2U);
    EXPECT_EQ(rank.cache->prefetch()->examined_count(), 2U);
  });
}

TEST_F(AdmissionTest, UnderJNobodyIsAskedWhileAllPlacesAreTaken) {
  options.running_max = 1;
  rules = make_rules("j").value();
  run(kThreeRows, [](EngineRank& engine, CacheRank& rank) {
    fill_and_wait(engine);
    EXPECT_THAT(engine.next_batch(), IsEmpty());
    EXPECT_EQ(rank.agreement.counts(Site::kCanTerminatePrefetch).agreements, 0U);
    EXPECT_EQ(engine.admission.waiting_count(), 2U);
  });
}

TEST_F(AdmissionTest, UnderJTheScanEndsAtTheFirstThatDoesNotFit) {
  rules = make_rules("j").value();
  run({{.input = 3'000}, {.input = 3'000}, {.input = 512}},
      [](EngineRank& engine, CacheRank& rank) {
        engine.admission.enqueue(engine.make(0));
        engine.admission.enqueue(engine.make(1));
        engine.arrive(2);
        EXPECT_EQ(engine.next_batch().size(), 1U);
        EXPECT_EQ(rank.agreement.counts(Site::kCanTerminatePrefetch).agreements, 0U);
      });
}

TEST_F(AdmissionTest, PlacesAreFreeAgainWhenRequestsLeave) {
  options.running_max = 1;
  run({{.input = 64}, {.input = 64}}, [](EngineRank& engine, CacheRank&) {
    engine.admission.enqueue(engine.make(0));
    engine.admission.enqueue(engine.make(1));
    auto batch = engine.next_batch();
    EXPECT_EQ(engine.slots->free_count(), 0U);
    engine.finish(engine.compute(batch.at(0)));
    EXPECT_EQ(engine.slots->free_count(), 1U);
    EXPECT_THAT(shape(engine.next_batch()), ElementsAre(chunk(1, 64)));
  });
}

}  // namespace
}  // namespace radixbench

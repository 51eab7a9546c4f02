#include "trace/lru_reference.h"

#include "base/random.h"
#include "trace/trace_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <list>
#include <string>

namespace radixbench {
namespace {

void expect_golden(const Trace& trace, const nlohmann::json& expected) {
  for (const auto& [capacity, outcome] : expected["lru"].items()) {
    SCOPED_TRACE("capacity " + capacity);
    const LruOutcome got = replay_lru(trace, std::stoull(capacity));
    EXPECT_EQ(got.hits, outcome["hit_blocks"]);
    EXPECT_EQ(got.evicted, outcome["evicted_blocks"]);
    EXPECT_EQ(got.hits + got.evicted + got.resident, trace.blocks.size());
  }
  EXPECT_EQ(replay_lru(trace, BlockLru::kUnlimited).hits, expected["infinite_hit_blocks"]);
  for (const auto& [tiers, outcome] : expected["tiers"].items()) {
    SCOPED_TRACE(tiers);  // D32_H128_Sinf
    const std::size_t host_at = tiers.find("_H");
    const std::uint64_t device = std::stoull(tiers.substr(1));
    const std::uint64_t host = std::stoull(tiers.substr(host_at + 2));
    const TierOutcome got = replay_tiers(trace, device, host);
    EXPECT_EQ(got.device, outcome["device"]);
    EXPECT_EQ(got.host, outcome["host"]);
    EXPECT_EQ(got.storage, outcome["storage"]);
    EXPECT_EQ(got.miss, outcome["miss"]);
    EXPECT_EQ(got.device + got.host, replay_lru(trace, host).hits);
  }
}

TEST(LruReferenceTest, HandTraceGivesItsGoldenIntegers) {
  const Result<Trace> trace = read_mooncake(kHandTrace, {});
  ASSERT_TRUE(trace);
  expect_golden(*trace, golden("hand6.golden.json"));
}

TEST(LruReferenceTest, SampleGivesItsGoldenIntegers) {
  const Result<Trace> trace = read_mooncake(kSampleTrace, {});
  ASSERT_TRUE(trace);
  expect_golden(*trace, golden("sample_400.golden.json"));
}

TEST(LruReferenceTest, ConversationTraceGivesItsGoldenIntegers) {
  if (!std::filesystem::exists(kConversationTrace)) GTEST_SKIP() << "no " << kConversationTrace;
  const Result<Trace> trace = read_mooncake(kConversationTrace, {});
  ASSERT_TRUE(trace);
  const struct {
    std::uint64_t capacity, hits, evicted;
  } rows[] = {{1'000, 12'847, 274'653},
              {2'000, 15'665, 270'835},
              {4'000, 24'964, 259'536},
              {8'000, 51'368, 229'132},
              {16'000, 75'791, 196'709},
              {32'000, 95'781, 160'719},
              {64'000, 103'648, 120'852},
              {128'000, 105'383, 55'117},
              {BlockLru::kUnlimited, 105'710, 0}};
  for (const auto& [capacity, hits, evicted] : rows) {
    const LruOutcome got = replay_lru(*trace, capacity);
    EXPECT_EQ(got.hits, hits) << capacity;
    EXPECT_EQ(got.evicted, evicted) << capacity;
  }
  const struct {
    std::uint64_t device_blocks, host_blocks, device, host, storage;
  } tiers[] = {{2'000, 4'000, 15'665, 9'299, 80'746},
               {2'000, 8'000, 15'665, 35'703, 54'342},
               {4'000, 16'000, 24'964, 50'827, 29'919},
               {8'000, 32'000, 51'368, 44'413, 9'929}};
  for (const auto& row : tiers) {
    const TierOutcome got = replay_tiers(*trace, row.device_blocks, row.host_blocks);
    EXPECT_EQ(got.device, row.device);
    EXPECT_EQ(got.host, row.host);
    EXPECT_EQ(got.storage, row.storage);
    EXPECT_EQ(got.miss, 182'790U);
  }
}

// The definition, word for word, on a list.
LruOutcome naive_lru(const Trace& trace, std::uint64_t capacity) {
  LruOutcome outcome{.capacity_blocks = capacity};
  std::list<std::uint32_t> recent;  // newest first
  for (const Request& request : trace.requests) {
    const auto blocks = trace.blocks_of(request);
    for (const std::uint32_t block : blocks) {
      if (std::find(recent.begin(), recent.end(), block) == recent.end()) break;
      ++outcome.hits;
    }
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
      recent.remove(*block);
      recent.push_front(*block);
    }
    for (; recent.size() > capacity; recent.pop_back()) ++outcome.evicted;
  }
  outcome.resident = recent.size();
  return outcome;
}

// Paths of a random tree, so that prefixes are shared.
Trace random_trace(std::uint64_t seed) {
  Random random{seed, "trace"};
  Trace trace;
  std::vector<std::vector<std::uint32_t>> paths = {{}};
  std::uint32_t next = 0;
  for (RequestId id = 0; id < 80; ++id) {
    std::vector<std::uint32_t> path = paths[random.below(paths.size())];
    for (std::uint64_t grow = 1 + random.below(3); grow > 0; --grow) path.push_back(next++);
    paths.push_back(path);
    Request request{.id = id};
    request.first_block = trace.blocks.size();
    request.block_count = static_cast<std::uint32_t>(path.size());
    trace.blocks.insert(trace.blocks.end(), path.begin(), path.end());
    trace.requests.push_back(request);
  }
  trace.counts.blocks_distinct = next;
  return trace;
}

TEST(LruReferenceTest, AgreesWithTheDefinitionOnRandomTrees) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Trace trace = random_trace(seed);
    for (const std::uint64_t capacity : {0U, 1U, 3U, 10U, 40U, 1000U}) {
      const LruOutcome expected = naive_lru(trace, capacity);
      const LruOutcome got = replay_lru(trace, capacity);
      EXPECT_EQ(got.hits, expected.hits) << capacity;
      EXPECT_EQ(got.evicted, expected.evicted) << capacity;
      EXPECT_EQ(got.resident, expected.resident) << capacity;
    }
  }
}

}  // namespace
}  // namespace radixbench

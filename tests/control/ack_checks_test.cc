// writing_check and loading_check: who enters them, and how much they acknowledge.

#include "inject/failing_host_allocator.h"
#include "support/cache_world.h"

#include <gmock/gmock.h>

namespace radixbench {
namespace {

const Tokens kPrompt = sequence(1, 8, 64);

std::uint64_t agreements(const CacheRank& rank, Site site) {
  return rank.agreement.counts(site).agreements;
}

Rules j() { return make_rules("j").value(); }

TEST(AckChecksTest, FixedEntersBothChecksWithNothingInFlight) {
  CacheWorld world{{.layout = "tp2"}};
  world.run([](CacheRank& rank) {
    EXPECT_TRUE(rank.step(0));
    EXPECT_EQ(agreements(rank, Site::kWritingCheck), 1U);
    EXPECT_EQ(agreements(rank, Site::kLoadingCheck), 1U);
    EXPECT_TRUE(rank.cache->flush_write_through_acks());
    EXPECT_EQ(agreements(rank, Site::kWritingCheck), 2U);
    EXPECT_EQ(agreements(rank, Site::kLoadingCheck), 1U);
  });
}

TEST(AckChecksTest, JEntersTheWriteCheckOnlyWhileItHasWritesAndNeverTheLoadCheck) {
  CacheWorld world{{.layout = "tp2", .rules = j()}};
  world.run([](CacheRank& rank) {
    EXPECT_TRUE(rank.step(0));
    EXPECT_EQ(agreements(rank, Site::kWritingCheck), 0U);
    EXPECT_TRUE(rank.keep(kPrompt));
    EXPECT_TRUE(rank.step(1));
    EXPECT_EQ(agreements(rank, Site::kWritingCheck), 1U);
    EXPECT_TRUE(rank.step(100 * kMillisecond));
    EXPECT_EQ(rank.cache->write_through().in_flight(), 0U);
    EXPECT_TRUE(rank.step(101 * kMillisecond));
    EXPECT_EQ(agreements(rank, Site::kWritingCheck), 2U);
    EXPECT_EQ(agreements(rank, Site::kLoadingCheck), 0U);
  });
}

TEST(AckChecksTest, ACopyIsAcknowledgedWhenTheSlowestRankSeesIt) {
  CacheWorldOptions options{.layout = "tp2cp2"};
  options.skews = {{}, {}, {.write_ack_ns = 30 * kMillisecond}, {}};
  CacheWorld world{options};
  world.run([](CacheRank& rank) {
    EXPECT_TRUE(rank.step(0));
    EXPECT_TRUE(rank.keep(kPrompt));
    EXPECT_TRUE(rank.step(20 * kMillisecond));
    EXPECT_EQ(rank.cache->write_through().in_flight(), 1U);
    EXPECT_EQ(rank.cache->write_through().pages_in_flight(), 8U);
    EXPECT_EQ(rank.cache->tree().counts().device_pages_locked, 8U);
    EXPECT_TRUE(rank.step(31 * kMillisecond));
    EXPECT_EQ(rank.cache->write_through().in_flight(), 0U);
    EXPECT_EQ(rank.cache->tree().counts().device_pages_locked, 0U);
    // From the host it goes on to storage.
    EXPECT_EQ(rank.cache->write_through().storing(), 1U);
    EXPECT_TRUE(rank.step(100 * kMillisecond));
    EXPECT_EQ(rank.counts().pages_stored, 8U);
    EXPECT_EQ(rank.storage.size(), 8U);
  });
}

// The prompt on the host alone, and its load queued.
void start_load(CacheRank& rank) {
  EXPECT_TRUE(rank.step(0));
  EXPECT_TRUE(rank.keep(kPrompt));
  EXPECT_TRUE(rank.step(100 * kMillisecond));
  EXPECT_TRUE(rank.step(200 * kMillisecond));
  const Eviction freed = rank.cache->tree().evict_device(8);
  rank.device->give_back(freed.device_pages);
  const Match match = rank.cache->tree().match(rank.key(kPrompt).key());
  EXPECT_EQ(match.host_pages, 8U);
  EXPECT_TRUE(rank.cache->load_back().load(match, 100, {}));
  EXPECT_TRUE(rank.cache->load_back().start_queued());
}

TEST(AckChecksTest, ALoadIsAcknowledgedWhenTheSlowestRankSeesIt) {
  CacheWorldOptions options{.layout = "tp2"};
  options.skews = {{}, {.load_ack_ns = 30 * kMillisecond}};
  CacheWorld world{options};
  world.run([](CacheRank& rank) {
    start_load(rank);
    EXPECT_TRUE(rank.step(210 * kMillisecond));
    EXPECT_EQ(rank.cache->load_back().in_flight(), 1U);
    EXPECT_EQ(rank.cache->load_back().pages_in_flight(), 8U);
    EXPECT_TRUE(rank.step(231 * kMillisecond));
    EXPECT_EQ(rank.cache->load_back().in_flight(), 0U);
    EXPECT_EQ(rank.cache->tree().counts().device_pages_locked, 0U);
  });
}

TEST(AckChecksTest, UnderJEachRankAcknowledgesLoadsByItself) {
  CacheWorldOptions options{.layout = "tp2", .rules = j()};
  options.skews = {{}, {.load_ack_ns = 30 * kMillisecond}};
  CacheWorld world{options};
  const auto in_flight = world.collect<std::size_t>([](CacheRank& rank) {
    start_load(rank);
    EXPECT_TRUE(rank.step(210 * kMillisecond));
    return rank.cache->load_back().in_flight();
  });
  EXPECT_THAT(in_flight, testing::ElementsAre(0U, 1U));
}

TEST(AckChecksTest, LoadsBelowTheThresholdOrBeyondTheQuotaAreRefused) {
  CacheWorld world{{.layout = "tp1"}};
  world.run([](CacheRank& rank) {
    start_load(rank);
    EXPECT_TRUE(rank.step(300 * kMillisecond));
    const Eviction freed = rank.cache->tree().evict_device(8);
    rank.device->give_back(freed.device_pages);
    const Match whole = rank.cache->tree().match(rank.key(kPrompt).key());
    EXPECT_FALSE(rank.cache->load_back().load(whole, 7, {}));
    const Match part = rank.cache->tree().match(rank.key(sequence(1, 3, 64)).key());
    EXPECT_EQ(part.host_pages, 3U);  // 192 tokens of the 256 that a load is worth
    EXPECT_FALSE(rank.cache->load_back().load(part, 100, {}));
    EXPECT_EQ(rank.counts().load_backs_refused, 2U);
    EXPECT_EQ(rank.cache->tree().counts().device_pages_locked, 0U);
  });
}

// A backup that fails on one rank: with the repair its peers find a rank that has nothing to
// acknowledge, without it they find nobody.
CacheWorldOptions with_a_failed_backup() {
  CacheWorldOptions options{.layout = "tp2", .deadline = std::chrono::milliseconds{200}};
  options.wrap_host_allocator = [](Rank rank, std::unique_ptr<HostAllocator> inner) {
    if (rank != 1) return inner;
    return make_failing_host_allocator(std::move(inner), HostUse::kBackup, 1);
  };
  return options;
}

TEST(AckChecksTest, ARankWithoutTheBackupHoldsTheAckUpButNobodyHangs) {
  CacheWorld world{with_a_failed_backup()};
  world.run([](CacheRank& rank) {
    EXPECT_TRUE(rank.step(0));
    EXPECT_TRUE(rank.keep(kPrompt));
    EXPECT_EQ(rank.counts().backups_refused, rank.rank == 1 ? 1U : 0U);
    EXPECT_TRUE(rank.step(100 * kMillisecond));
    EXPECT_EQ(rank.cache->write_through().in_flight(), rank.rank == 1 ? 0U : 1U);
  });
}

TEST(AckChecksTest, WithoutTheEntryRepairItsPeersWaitForItInTheCheck) {
  CacheWorldOptions options = with_a_failed_backup();
  options.rules.always_enters_checks = false;
  options.rules.agrees_load_acks = false;
  CacheWorld world{options};
  world.run([](CacheRank& rank) {
    EXPECT_TRUE(rank.step(0));
    EXPECT_TRUE(rank.keep(kPrompt));
    const Result<void> checked = rank.cache->flush_write_through_acks();
    EXPECT_EQ(checked.has_value(), rank.rank == 1);
    if (checked) return;
    EXPECT_EQ(checked.error().code, ErrorCode::kTimeout);
    EXPECT_THAT(checked.error().message, testing::HasSubstr("writing_check"));
  });
}

}  // namespace
}  // namespace radixbench

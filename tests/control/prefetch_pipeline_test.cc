#include "control/prefetch_pipeline.h"

#include "base/random.h"
#include "index/page_hash.h"
#include "support/scripted_storage.h"
#include "support/tree_fixture.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <set>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr std::uint32_t kPageTokens = 4;

// A rank of its own: queries take 10, pages 5 after a start of 2, whoever asks.
class PrefetchPipelineTest : public testing::Test {
 protected:
  static std::vector<Sha256Digest> hashes(TokenId first, std::size_t pages) {
    return storage_page_hashes(nullptr, sequence(first, pages, kPageTokens), kPageTokens);
  }
  // `pages` asked for, of which storage holds the first `hits`, page `torn` of them torn. Storage
  // is made up first: the threads begin at once.
  std::shared_ptr<PrefetchOp> start(std::int64_t now_ns,
                                    std::size_t pages,
                                    std::size_t hits,
                                    std::optional<std::size_t> torn = std::nullopt) {
    auto op = std::make_shared<PrefetchOp>();
    op->request = next_request_++;
    op->started_ns = now_ns;
    op->hashes = hashes(static_cast<TokenId>(op->request * 1'000), pages);
    storage_.hold(std::span{op->hashes}.first(hits));
    if (torn) storage_.tear(op->hashes.at(*torn));
    EXPECT_TRUE(host_->take(pages, op->host_pages));
    last_agreed_ns_ = std::max(now_ns, last_agreed_ns_) + 10;
    op->agreed_at_ns = last_agreed_ns_;
    op->page_ns = 5;
    op->read_start_ns = 2;
    pipeline_.start(op);
    return op;
  }
  std::uint32_t completed(PrefetchOp& op, std::int64_t now_ns) {
    EXPECT_TRUE(pipeline_.advance(now_ns));
    return pipeline_.completed_pages(op, now_ns).value();
  }
  std::uint32_t terminate(PrefetchOp& op, std::int64_t now_ns) {
    EXPECT_TRUE(pipeline_.advance(now_ns));
    return pipeline_.terminate(op, now_ns).value();
  }
  std::size_t released(std::int64_t now_ns) {
    EXPECT_TRUE(pipeline_.advance(now_ns));
    return pipeline_.released_count(now_ns);
  }

  ScriptedStorage storage_;
  std::unique_ptr<PagePool> host_ = make_memory_pool(512, 8);
  StorageIndex index_{storage_, *host_, {ClockMode::kVirtual, 10s}};
  PrefetchPipeline pipeline_{{.timing = {ClockMode::kVirtual, 10s},
                              .call_deadline = 10s,
                              .page_tokens = kPageTokens,
                              .threshold_tokens = 3 * kPageTokens},
                             Reducer{},
                             index_,
                             *host_,
                             [](const PrefetchOp&) {}};
  RequestId next_request_ = 0;
  std::int64_t last_agreed_ns_ = 0;
};

TEST_F(PrefetchPipelineTest, PagesComeOneByOneAfterTheHitCountIsAgreed) {
  const auto op = start(0, 6, 6);
  EXPECT_EQ(completed(*op, 9), 0U);
  EXPECT_EQ(PrefetchPipeline::agreed_pages(*op, 9), 0U);
  EXPECT_EQ(completed(*op, 10), 0U);
  EXPECT_EQ(PrefetchPipeline::agreed_pages(*op, 10), 6U);
  EXPECT_EQ(completed(*op, 16), 0U);
  EXPECT_EQ(completed(*op, 17), 1U);
  EXPECT_EQ(completed(*op, 41), 5U);
  EXPECT_EQ(completed(*op, 42), 6U);
  EXPECT_EQ(completed(*op, 1'000), 6U);
  EXPECT_EQ(released(1'000), 0U);
}

TEST_F(PrefetchPipelineTest, AHitBelowTheThresholdIsRevokedAndGivesAllPagesBack) {
  const auto op = start(0, 6, 2);
  EXPECT_EQ(released(9), 0U);
  EXPECT_EQ(pipeline_.revoked_count(9), 0U);
  EXPECT_EQ(released(10), 6U);
  EXPECT_EQ(pipeline_.revoked_count(10), 1U);
  EXPECT_EQ(op->agreed_hit_pages, 2U);
  EXPECT_EQ(pipeline_.pop_revoked(), op->request);
  EXPECT_EQ(pipeline_.pop_released(6), op->host_pages);
  EXPECT_TRUE(pipeline_.is_idle());
}

TEST_F(PrefetchPipelineTest, AHitAtTheThresholdIsFetchedAndTheTailGivenBack) {
  const auto op = start(0, 6, 3);
  EXPECT_EQ(released(10), 3U);
  EXPECT_EQ(pipeline_.revoked_count(10), 0U);
  EXPECT_EQ(completed(*op, 27), 3U);
  const std::vector<PageId> tail{op->host_pages.begin() + 3, op->host_pages.end()};
  EXPECT_EQ(pipeline_.pop_released(3), tail);
}

TEST_F(PrefetchPipelineTest, ALaterPrefetchWaitsForTheIoThread) {
  const auto first = start(0, 6, 6);  // reads 12 to 42
  const auto second = start(0, 4, 4);
  EXPECT_EQ(completed(*second, 42), 0U);
  EXPECT_EQ(completed(*second, 48), 0U);
  EXPECT_EQ(completed(*second, 49), 1U);
}

TEST_F(PrefetchPipelineTest, ATornPageEndsTheReadAtItsTimeAndGivesTheRestBack) {
  const auto op = start(0, 6, 6, 2);
  EXPECT_EQ(completed(*op, 26), 2U);
  EXPECT_FALSE(op->is_broken);
  EXPECT_EQ(completed(*op, 27), 2U);
  EXPECT_TRUE(op->is_broken);
  EXPECT_EQ(released(27), 4U);
  EXPECT_EQ(terminate(*op, 100), 2U);
  EXPECT_EQ(released(100), 4U);
}

TEST_F(PrefetchPipelineTest, AStopInMidPageKeepsWhatHadComeAndLetsThePageEnd) {
  const auto op = start(0, 6, 6);
  EXPECT_EQ(terminate(*op, 24), 2U);
  // The third page is being read until 27.
  EXPECT_EQ(released(26), 0U);
  EXPECT_EQ(released(27), 4U);
  EXPECT_EQ(completed(*op, 100), 2U);
}

TEST_F(PrefetchPipelineTest, AStopBeforeTheHitCountGivesEverythingBackOnceThatIsAgreed) {
  const auto op = start(0, 6, 6);
  EXPECT_EQ(terminate(*op, 4), 0U);
  EXPECT_EQ(released(9), 0U);
  EXPECT_EQ(released(10), 6U);
}

TEST_F(PrefetchPipelineTest, AStopWhileOthersAreReadGivesBackWhenTheIoThreadComesToIt) {
  const auto first = start(0, 6, 6);  // until 42
  const auto second = start(0, 4, 4);
  EXPECT_EQ(terminate(*second, 30), 0U);
  EXPECT_EQ(released(41), 0U);
  EXPECT_EQ(released(42), 4U);
}

TEST_F(PrefetchPipelineTest, AStopOfWhatHasEndedChangesNothing) {
  const auto op = start(0, 3, 3);
  EXPECT_EQ(completed(*op, 27), 3U);
  EXPECT_EQ(terminate(*op, 100), 3U);
  EXPECT_EQ(terminate(*op, 200), 3U);
  EXPECT_EQ(released(200), 0U);
  EXPECT_TRUE(pipeline_.is_idle());
}

TEST_F(PrefetchPipelineTest, AnOpWithoutPagesAsksForNothingAndQueuesBlanksInTheirPlace) {
  auto op = std::make_shared<PrefetchOp>();
  op->hashes = hashes(0, 6);
  storage_.hold(op->hashes);
  op->agreed_at_ns = 10;
  pipeline_.start(op);
  EXPECT_EQ(released(10), 6U);
  EXPECT_EQ(op->agreed_hit_pages, 0U);
  EXPECT_EQ(pipeline_.revoked_count(10), 1U);
  EXPECT_THAT(pipeline_.pop_released(6), testing::Each(kNoPage));
}

TEST_F(PrefetchPipelineTest, ReleasedPagesQueueUpByTheirTimesAndThenInOrder) {
  pipeline_.release(20, {4, 5});
  pipeline_.release(10, {1, 2, 3});
  pipeline_.release(20, {6});
  EXPECT_EQ(pipeline_.released_count(9), 0U);
  EXPECT_EQ(pipeline_.released_count(10), 3U);
  EXPECT_EQ(pipeline_.released_count(20), 6U);
  EXPECT_THAT(pipeline_.pop_released(4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(pipeline_.pop_released(2), ElementsAre(5, 6));
}

// A query that cannot be put to the others ends the scheduler's next look, in their words.
TEST(PrefetchPipelineGroupTest, AGroupThatBreaksUnderTheQueryIsTheSchedulersError) {
  class BrokenGroup final : public Communicator {
   public:
    [[nodiscard]] const GroupSpec& group() const override { return spec_; }
    [[nodiscard]] std::size_t index() const override { return 0; }
    Result<void> all_reduce(std::span<std::int32_t>, ReduceOp, const Call&) override {
      return fail(ErrorCode::kPeerLost, "rank 1 died");
    }
    Result<void> all_reduce(std::span<std::int64_t>, ReduceOp, const Call&) override { return {}; }
    Result<void> barrier(const Call&) override { return {}; }
    Result<void> broadcast(std::span<std::int64_t>, std::size_t, const Call&) override {
      return {};
    }
    Result<void> all_gather(std::span<const std::int64_t>,
                            std::span<std::int64_t>,
                            const Call&) override {
      return {};
    }
    [[nodiscard]] const std::optional<CallFailure>& failure() const override { return none_; }

   private:
    GroupSpec spec_{"prefetch.attn_cp", {0, 1}, 0};
    std::optional<CallFailure> none_;
  };
  BrokenGroup group;
  ScriptedStorage storage;
  const auto host = make_memory_pool(8, 8);
  StorageIndex index{storage, *host, {ClockMode::kVirtual, 10s}};
  const std::array<Communicator*, 1> hops = {&group};
  PrefetchPipeline pipeline{
      {.timing = {}, .page_tokens = 4}, Reducer{hops}, index, *host, [](const PrefetchOp&) {}};
  pipeline.start(std::make_shared<PrefetchOp>());
  const Result<void> advanced = pipeline.advance(1);
  ASSERT_FALSE(advanced);
  EXPECT_EQ(advanced.error().code, ErrorCode::kPeerLost);
}

// Random prefetches, stopped at random times or never, some of them torn: at the end every page is
// with whoever was told that it had come, or came back through the release queue, once.
class PageAccount : public PrefetchPipelineTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  void begin(Random& random, std::int64_t now_ns) {
    const std::size_t pages = 1 + random.below(12);
    if (host_->free_count() < pages) return;
    const std::size_t hits = random.below(pages + 1);
    std::optional<std::size_t> torn;
    if (random.below(5) == 0) torn = random.below(pages);
    ops_.push_back(start(now_ns, pages, hits, torn));
  }
  void stop(PrefetchOp& op, std::int64_t now_ns) {
    const std::uint32_t kept = terminate(op, now_ns);
    ASSERT_LE(kept, op.host_pages.size());
    account({op.host_pages.begin(), op.host_pages.begin() + kept});
  }
  void drain(Random& random, std::int64_t now_ns) {
    while (pipeline_.revoked_count(now_ns) > 0) {
      const RequestId revoked = pipeline_.pop_revoked();
      std::erase_if(ops_, [&](const auto& op) { return op->request == revoked; });
    }
    const std::size_t most = pipeline_.released_count(now_ns);
    account(pipeline_.pop_released(random.below(most + 1)));
  }
  // The pool fails the process where a page comes back twice.
  void account(const std::vector<PageId>& pages) { host_->give_back(pages); }

  std::vector<std::shared_ptr<PrefetchOp>> ops_;
};

TEST_P(PageAccount, EveryPageComesBackExactlyOnce) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random{GetParam(), "pipeline"};
  std::int64_t now_ns = 0;
  for (int step = 0; step < 300; ++step) {
    now_ns += static_cast<std::int64_t>(random.below(15));
    ASSERT_TRUE(pipeline_.advance(now_ns));
    if (random.below(4) == 0) begin(random, now_ns);
    if (!ops_.empty() && random.below(4) == 0) {
      const std::size_t chosen = random.below(ops_.size());
      stop(*ops_[chosen], now_ns);
      ops_.erase(ops_.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
    drain(random, now_ns);
  }
  now_ns += 100'000;
  ASSERT_TRUE(pipeline_.advance(now_ns));
  while (pipeline_.revoked_count(now_ns) > 0) drain(random, now_ns);
  for (const auto& op : ops_) stop(*op, now_ns);
  account(pipeline_.pop_released(pipeline_.released_count(now_ns)));
  EXPECT_TRUE(pipeline_.is_idle());
  EXPECT_EQ(host_->free_count(), host_->page_count());
}

INSTANTIATE_TEST_SUITE_P(Seeds, PageAccount, testing::Range<std::uint64_t>(1, 41));

}  // namespace
}  // namespace radixbench

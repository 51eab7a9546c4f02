// Case 9.3 b: of each queue all ranks take what the shortest holds, from its front.

#include "support/cache_world.h"

#include <gmock/gmock.h>

#include <array>

namespace radixbench {
namespace {

using testing::Each;
using testing::ElementsAre;

struct QueueSizes {
  std::size_t revoked;
  std::size_t stored;
  std::size_t released;
};
constexpr std::array<QueueSizes, 3> kSizes = {{{3, 1, 9}, {2, 4, 9}, {5, 1, 7}}};

// One rank's queues, filled without asking anybody: what the prefetch thread and the write check
// agree on could not differ. Only the drain is put to the group.
class QueueRank {
 public:
  explicit QueueRank(CacheRank& rank)
      : rank_{rank},
        alone_{context(alone_agreement_)},
        grouped_{context(rank.agreement)},
        storage_{rank.storage, *host_, alone_.timing},
        pipeline_{{.timing = alone_.timing, .page_tokens = 64, .threshold_tokens = 64},
                  Reducer{},
                  storage_,
                  *host_,
                  [](const PrefetchOp&) {}},
        prefetch{
            grouped_, {.replica = {rank.rank}, .capacity_tokens = 1 << 20}, pipeline_, storage_},
        writes{alone_, &storage_} {}

  // Requests 0, 1, ... are revoked in that order, each letting go of a page; other pages follow.
  void fill(const QueueSizes& sizes) {
    for (std::size_t i = 0; i < sizes.stored; ++i) back_up(static_cast<TokenId>(1'000 * i));
    go_to(50 * kMillisecond);
    EXPECT_TRUE(writes.check());
    for (RequestId request = 0; request < sizes.revoked; ++request) {
      const OwnedKey key =
          rank_.key(sequence(500'000 + static_cast<TokenId>(request) * 1'000, 1, 64));
      prefetch.start(request, key.key());
    }
    go_to(100 * kMillisecond);
    std::vector<PageId> pages;
    EXPECT_TRUE(host_->take(sizes.released - sizes.revoked, pages));
    pipeline_.release(100 * kMillisecond, pages);
  }

  Result<void> drain() { return prefetch.drain(writes); }
  std::size_t released() const { return pipeline_.released_count(grouped_.now_ns); }
  std::size_t revoked() const { return pipeline_.revoked_count(grouped_.now_ns); }
  std::size_t host_free() const { return host_->free_count(); }
  std::vector<PageId> take_released() { return pipeline_.pop_released(released()); }

 private:
  ControlContext context(Agreement& agreement) {
    return {.rank = rank_.rank,
            .page_tokens = 64,
            .rules = rules_,
            .latency = rank_.latency,
            .timing = {ClockMode::kVirtual, std::chrono::seconds{10}},
            .tree = tree_,
            .device = *rank_.device,
            .host = *host_,
            .copier = *copier_,
            .host_allocator = *allocator_,
            .agreement = agreement};
  }
  void go_to(std::int64_t now_ns) {
    alone_.now_ns = grouped_.now_ns = now_ns;
    EXPECT_TRUE(pipeline_.advance(now_ns));
  }
  void back_up(TokenId first) {
    std::vector<PageId> pages;
    EXPECT_TRUE(rank_.device->take(1, pages));
    const OwnedKey key = rank_.key(sequence(first, 1, 64));
    const NodeId node = tree_.insert(key.key(), pages).node;
    writes.back_up(std::array{node});
  }

  CacheRank& rank_;
  Rules rules_{.prefetch_threshold_tokens = 64};
  RadixTree tree_{{.page_tokens = 64, .hash_seed = 1, .has_storage = true}};
  std::unique_ptr<PagePool> host_ = make_memory_pool(64, 16);
  std::unique_ptr<PageCopier> copier_ = make_memory_copier(*host_, *rank_.device);
  std::unique_ptr<HostAllocator> allocator_ = make_host_allocator(tree_, *host_);
  Agreement alone_agreement_{AgreementKind::kAttnGroups, {}, std::chrono::seconds{10}};
  ControlContext alone_;
  ControlContext grouped_;
  StorageIndex storage_;
  PrefetchPipeline pipeline_;

 public:
  PrefetchControl prefetch;
  WriteThrough writes;
};

// Of requests 0 to 4, those that are still there.
std::vector<RequestId> running(const QueueRank& queues) {
  std::vector<RequestId> requests;
  for (RequestId request = 0; request < 5; ++request) {
    if (queues.prefetch.is_running(request)) requests.push_back(request);
  }
  return requests;
}

TEST(QueueDrainTest, EveryRankTakesTwoOneAndSevenAndKeepsTheRest) {
  CacheWorld world{{.layout = "tp3"}};
  world.run([](CacheRank& rank) {
    const QueueSizes sizes = kSizes.at(rank.rank);
    QueueRank queues{rank};
    queues.fill(sizes);
    const std::size_t free_before = queues.host_free();
    EXPECT_EQ(queues.revoked(), sizes.revoked);
    EXPECT_EQ(queues.released(), sizes.released);
    EXPECT_TRUE(queues.drain());
    EXPECT_EQ(queues.revoked(), sizes.revoked - 2);
    EXPECT_EQ(queues.writes.storing(), sizes.stored - 1);
    EXPECT_EQ(queues.released(), sizes.released - 7);
    EXPECT_EQ(queues.host_free(), free_before + 7);
  });
}

TEST(QueueDrainTest, TheSurplusStaysInOrderAndASecondDrainFindsNothingOnAllRanks) {
  CacheWorld world{{.layout = "tp3"}};
  world.run([](CacheRank& rank) {
    const QueueSizes sizes = kSizes.at(rank.rank);
    QueueRank queues{rank};
    queues.fill(sizes);
    EXPECT_TRUE(queues.drain());
    // Requests 0 and 1 were first.
    std::vector<RequestId> left;
    for (RequestId request = 2; request < sizes.revoked; ++request) left.push_back(request);
    EXPECT_EQ(running(queues), left);
    EXPECT_TRUE(queues.drain());
    EXPECT_EQ(running(queues), left);
    EXPECT_EQ(queues.released(), sizes.released - 7);
    EXPECT_EQ(queues.writes.storing(), sizes.stored - 1);
    // Backups took pages 0 to stored - 1, and what is released lay behind them, in order.
    std::vector<PageId> pages;
    for (std::size_t i = 7; i < sizes.released; ++i) {
      pages.push_back(static_cast<PageId>(sizes.stored + i));
    }
    EXPECT_EQ(queues.take_released(), pages);
  });
}

}  // namespace
}  // namespace radixbench

#include "index/radix_tree.h"
#include "support/tree_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Page size 1, so that tokens are pages and tests can say them.
class RadixTreeTest : public testing::Test {
 protected:
  static constexpr std::size_t kPoolPages = 1000;

  RadixTree& tree() { return cache_.tree(); }
  NodeId insert(const Tokens& tokens) { return cache_.insert(tokens).node; }
  // Off the device, on the host.
  void demote_all() { cache_.evict_device(tree().evictable_device_pages()); }
  void TearDown() override { EXPECT_EQ(tree().check(), std::nullopt); }

  CachedTree cache_{{.page_tokens = 1, .counts_digest = true}, kPoolPages, kPoolPages};
};

TEST_F(RadixTreeTest, NamespacesNeverShareNodes) {
  cache_.insert({1, 2, 3}, {}, 0);
  EXPECT_EQ(cache_.matched_tokens({1, 2, 3}, 7), 0U);
  cache_.insert({1, 2, 4}, {}, 7);
  EXPECT_EQ(tree().counts().node_count, 2U);
  EXPECT_EQ(cache_.matched_tokens({1, 2, 4}, 7), 3U);
  EXPECT_EQ(cache_.matched_tokens({1, 2, 4}, 0), 2U);
}

TEST_F(RadixTreeTest, AnEmptyKeyMatchesTheRootAndInsertsNothing) {
  EXPECT_EQ(cache_.match({}).best_node, kRootNode);
  EXPECT_EQ(insert({}), kRootNode);
  EXPECT_EQ(tree().counts().node_count, 0U);
}

TEST_F(RadixTreeTest, GatherFollowsThePathFromTheRoot) {
  const std::vector<PageId> scattered{40, 7, 300, 2, 9};
  const Tokens tokens{1, 2, 3, 4, 5};
  tree().insert(cache_.key(tokens).key(), scattered);
  cache_.match({1, 2, 9});
  std::vector<PageId> pages{111};
  tree().gather_device(cache_.match(tokens).device_node, pages);
  EXPECT_THAT(pages, ElementsAre(111, 40, 7, 300, 2, 9));
}

TEST_F(RadixTreeTest, PeekFindsTheSameLengthsAndChangesNothing) {
  insert({1, 2, 3, 4});
  const std::uint64_t before = tree().digest();
  const Match found = tree().peek(cache_.key({1, 2, 9}).key());
  EXPECT_EQ(found.device_pages, 2U);
  EXPECT_EQ(found.best_node, kRootNode);
  EXPECT_EQ(tree().counts().node_count, 1U);
  EXPECT_EQ(tree().digest(), before);
}

TEST_F(RadixTreeTest, ALockReceiptHoldsAcrossSplits) {
  const NodeId node = insert({1, 2, 3, 4});
  const NodeId receipt = tree().lock(node);
  const NodeId upper = cache_.match({1, 2}).device_node;
  ASSERT_NE(upper, node);
  EXPECT_EQ(tree().view(upper).lock_count, 1U);
  EXPECT_EQ(cache_.evict_device(4), 0U);
  tree().unlock(receipt);
  EXPECT_EQ(tree().view(upper).lock_count, 0U);
  EXPECT_EQ(tree().counts().device_pages_locked, 0U);
  EXPECT_EQ(cache_.evict_device(4), 4U);
}

// 9.2 case 18: a temporary lock taken below the device skips what was on the host only.
TEST_F(RadixTreeTest, ALockSkipsTheHostOnlyEndAndItsUnlockDoesToo) {
  const NodeId x = insert({1, 2, 3});
  const NodeId y = cache_.match({1, 2}).device_node;
  const NodeId a = cache_.match({1}).device_node;
  cache_.back_up_path(x);
  cache_.evict_device(1);
  ASSERT_FALSE(tree().view(x).is_on_device);
  const NodeId first = tree().lock(x);
  EXPECT_EQ(first, y);
  const std::vector<NodeId> path = tree().host_only_path(x);
  ASSERT_THAT(path, ElementsAre(x));
  tree().commit_load_back(path, std::vector<PageId>{500});
  const NodeId second = tree().lock(x);
  const auto locks = [&] {
    return std::vector{
        tree().view(x).lock_count, tree().view(y).lock_count, tree().view(a).lock_count};
  };
  EXPECT_THAT(locks(), ElementsAre(1, 2, 2));
  tree().unlock(first);
  EXPECT_THAT(locks(), ElementsAre(1, 1, 1));
  tree().unlock(second);
  EXPECT_THAT(locks(), ElementsAre(0, 0, 0));
}

TEST_F(RadixTreeTest, LockAndUnlockLeaveTheOrderOfEvictionAlone) {
  insert({1});
  insert({2});
  insert({3});
  tree().unlock(tree().lock(cache_.tree().peek(cache_.key({1}).key()).device_node));
  cache_.evict_device(1);
  EXPECT_EQ(cache_.matched_tokens({1}), 0U);
}

TEST_F(RadixTreeTest, ANodeThatWasLockedAtTheOldEndKeepsItsTurn) {
  insert({1});
  const NodeId receipt = tree().lock(cache_.match({1}).device_node);
  insert({2});
  insert({3});
  cache_.evict_device(1);  // takes 2, and finds 1 locked on the way
  EXPECT_EQ(cache_.matched_tokens({2}), 0U);
  tree().unlock(receipt);
  cache_.evict_device(1);
  EXPECT_EQ(tree().peek(cache_.key({1}).key()).device_pages, 0U);
  EXPECT_EQ(tree().peek(cache_.key({3}).key()).device_pages, 1U);
}

TEST_F(RadixTreeTest, AParentBecomesALeafAtItsOwnAge) {
  insert({1});
  insert({1, 2});
  const NodeId parent = tree().peek(cache_.key({1}).key()).device_node;
  insert({5});
  cache_.back_up_path(parent);
  // A prefetch below the leaf's parent touches the anchor and the new leaf, not what lies above.
  cache_.evict_device(1);
  EXPECT_EQ(tree().counts().device_pages, 2U);
  cache_.evict_device(1);
  EXPECT_EQ(tree().peek(cache_.key({5}).key()).device_pages, 1U);
  EXPECT_EQ(tree().peek(cache_.key({1}).key()).device_pages, 0U);
}

TEST_F(RadixTreeTest, TheRemainderOfASplitKeepsItsAccess) {
  insert({1, 2, 3});
  insert({9});
  cache_.match({1, 2});  // touches the upper part alone
  cache_.evict_device(1);
  EXPECT_EQ(tree().peek(cache_.key({1, 2, 3}).key()).device_pages, 2U);
  EXPECT_EQ(tree().peek(cache_.key({9}).key()).device_pages, 1U);
}

TEST_F(RadixTreeTest, TheRemainderOfASplitLooksUsedWhereTheRulesSaySo) {
  CachedTree cache{{.page_tokens = 1, .stamps_split_remainder = true}, 10, 0};
  cache.insert({1, 2, 3});
  cache.insert({9});
  cache.match({1, 2});
  cache.evict_device(1);
  EXPECT_EQ(cache.tree().peek(cache.key({1, 2, 3}).key()).device_pages, 3U);
  EXPECT_EQ(cache.tree().peek(cache.key({9}).key()).device_pages, 0U);
}

TEST_F(RadixTreeTest, EvictionStopsAsSoonAsEnoughIsFree) {
  insert({1, 2});
  insert({3, 4, 5});
  insert({6});
  EXPECT_EQ(cache_.evict_device(3), 5U);
  EXPECT_EQ(tree().counts().device_pages, 1U);
}

TEST_F(RadixTreeTest, InsertBringsHostOnlyNodesBackWithTheCallersPages) {
  const NodeId node = insert({1, 2});
  cache_.back_up_path(node);
  demote_all();
  const Tokens longer{1, 2, 3};
  const Insertion done = tree().insert(cache_.key(longer).key(), std::vector<PageId>{70, 71, 72});
  EXPECT_EQ(done.existing_pages, 2U);
  EXPECT_THAT(done.duplicate_pages, IsEmpty());
  std::vector<PageId> pages;
  tree().gather_device(done.node, pages);
  EXPECT_THAT(pages, ElementsAre(70, 71, 72));
  EXPECT_TRUE(tree().view(node).is_on_host);
  EXPECT_EQ(tree().view(node).hit_count, 2U);
}

TEST_F(RadixTreeTest, HitsCountOnInsertAndReachTheThresholdOnceEach) {
  CachedTree cache{{.page_tokens = 1, .backup_threshold = 2}, 20, 20};
  EXPECT_THAT(cache.insert({1, 2}).backups, IsEmpty());
  cache.match({1, 2});
  const Insertion again = cache.insert({1, 2, 3});
  ASSERT_EQ(again.backups.size(), 1U);
  EXPECT_EQ(cache.tree().view(again.backups[0]).hit_count, 2U);
  EXPECT_EQ(cache.tree().view(again.node).hit_count, 1U);
  EXPECT_THAT(cache.insert({1, 2}, {.is_chunked = true}).backups, IsEmpty());
  // Still without a copy: the caller may have had no room, and is asked again.
  EXPECT_EQ(cache.insert({1, 2, 3}).backups.size(), 2U);
  cache.back_up_path(again.node);
  EXPECT_THAT(cache.insert({1, 2, 3}).backups, IsEmpty());
}

// 9.2 case 16.
TEST_F(RadixTreeTest, APendingBackupIsPublishedInThePiecesOfASplit) {
  const NodeId node = insert({1, 2, 3, 4});
  tree().begin_backup(node, std::vector<PageId>{20, 9, 30, 31}, 5);
  insert({1, 2, 5, 6});
  const NodeId upper = tree().view(node).parent;
  EXPECT_EQ(tree().view(upper).pending_write, 5U);
  EXPECT_EQ(tree().view(upper).lock_count, 1U);
  std::vector<PageId> pages;
  tree().append_host_pages(upper, pages);
  tree().append_host_pages(node, pages);
  EXPECT_THAT(pages, ElementsAre(20, 9, 30, 31));
  EXPECT_THAT(tree().finish_backup(5), ElementsAre(upper, node));
  EXPECT_EQ(tree().view(node).pending_write, 0U);
  EXPECT_EQ(tree().counts().device_pages_locked, 0U);
}

TEST_F(RadixTreeTest, LoadBackKeepsTheHostCopyAndTheAge) {
  const NodeId node = insert({1, 2});
  cache_.back_up_path(node);
  demote_all();
  insert({8});
  const std::vector<NodeId> path = tree().host_only_path(node);
  tree().commit_load_back(path, std::vector<PageId>{40, 41});
  EXPECT_TRUE(tree().view(node).is_on_host);
  const Eviction freed = tree().evict_device(1);  // older than 8, for nothing touched it
  EXPECT_THAT(freed.device_pages, ElementsAre(40, 41));
}

TEST_F(RadixTreeTest, HostInsertHangsALeafBelowItsAnchor) {
  const NodeId anchor = insert({1, 2});
  cache_.back_up_path(anchor);
  const Tokens rest{3, 4, 5};
  const HostInsertion done =
      tree().insert_host(anchor, cache_.key(rest).key(), std::vector<PageId>{900, 901, 902});
  EXPECT_EQ(done.existing_pages, 0U);
  const Match found = cache_.match({1, 2, 3, 4, 5});
  EXPECT_EQ(found.best_node, done.node);
  EXPECT_EQ(found.device_pages, 2U);
  EXPECT_EQ(found.host_pages, 3U);
  const Tokens shorter{3, 4};
  const HostInsertion again =
      tree().insert_host(anchor, cache_.key(shorter).key(), std::vector<PageId>{910, 911});
  EXPECT_EQ(again.existing_pages, 2U);
  EXPECT_EQ(again.node, tree().view(done.node).parent);
}

// The anchor's access shows only where its leaf goes before something that was used in between.
TEST_F(RadixTreeTest, HostInsertUsesItsAnchor) {
  const NodeId anchor = insert({1, 2});
  const NodeId other = insert({7});
  cache_.back_up_path(anchor);
  cache_.back_up_path(other);
  demote_all();
  const Tokens rest{3};
  tree().insert_host(anchor, cache_.key(rest).key(), std::vector<PageId>{900});
  const NodeId receipt = tree().host_lock(other);
  EXPECT_THAT(tree().evict_host(1).host_pages, ElementsAre(900));
  tree().host_unlock(receipt);
  tree().evict_host(1);
  EXPECT_EQ(tree().peek(cache_.key({1, 2}).key()).host_pages, 2U);
  EXPECT_EQ(tree().peek(cache_.key({7}).key()).host_pages, 0U);
}

TEST_F(RadixTreeTest, HostInsertBelowANodeWithoutHostCopyIsDropped) {
  const NodeId anchor = insert({1, 2});
  const Tokens rest{3};
  const HostInsertion done =
      tree().insert_host(anchor, cache_.key(rest).key(), std::vector<PageId>{900});
  EXPECT_TRUE(done.is_dropped);
  EXPECT_EQ(done.existing_pages, 1U);
  EXPECT_EQ(done.node, kNoNode);
  EXPECT_EQ(tree().counts().host_pages, 0U);
}

TEST_F(RadixTreeTest, AHostLockHoldsTheCopyThroughSplitAndDemotion) {
  const NodeId node = insert({1, 2, 3, 4});
  cache_.back_up_path(node);
  const NodeId receipt = tree().host_lock(node);
  cache_.match({1, 2});
  demote_all();
  EXPECT_EQ(cache_.evict_host(4), 0U);
  EXPECT_EQ(tree().counts().host_pages, 4U);
  tree().host_unlock(receipt);
  EXPECT_EQ(cache_.evict_host(4), 4U);
}

TEST_F(RadixTreeTest, AHostLockOnWhatHasNoHostCopyIsNone) {
  EXPECT_EQ(tree().host_lock(kRootNode), kNoNode);
  EXPECT_EQ(tree().host_lock(insert({1})), kNoNode);
  tree().host_unlock(kNoNode);
}

TEST_F(RadixTreeTest, HostEvictionTakesTheOldestChildlessFirst) {
  cache_.back_up_path(insert({1, 2}));
  cache_.back_up_path(insert({1, 2, 3}));
  cache_.back_up_path(insert({7}));
  demote_all();
  cache_.match({1, 2, 3});
  EXPECT_EQ(cache_.evict_host(1), 1U);
  EXPECT_EQ(tree().peek(cache_.key({7}).key()).host_pages, 0U);
  EXPECT_EQ(cache_.evict_host(1), 1U);
  EXPECT_EQ(tree().peek(cache_.key({1, 2, 3}).key()).host_pages, 2U);
}

TEST_F(RadixTreeTest, StorageHashesFollowTheirPages) {
  CachedTree cache{{.page_tokens = 4, .has_storage = true}, 20, 20};
  const Tokens tokens = sequence(1, 3, 4);
  const NodeId lower = cache.insert(tokens).node;
  const NodeId upper = cache.match(sequence(1, 1, 4)).best_node;
  const auto expected = storage_page_hashes(nullptr, tokens, 4);
  EXPECT_THAT(cache.tree().storage_hashes(upper), ElementsAre(expected[0]));
  EXPECT_THAT(cache.tree().storage_hashes(lower), ElementsAre(expected[1], expected[2]));
  EXPECT_EQ(cache.tree().last_storage_hash(lower), expected[2]);
  EXPECT_EQ(cache.tree().last_storage_hash(kRootNode), std::nullopt);
  EXPECT_EQ(cache.tree().check(), std::nullopt);
}

TEST_F(RadixTreeTest, PagesCostFourBytesOnlyWhereTheyAreScattered) {
  constexpr std::size_t kPages = 100'000;
  const Tokens tokens = sequence(1, kPages, 1);
  std::vector<PageId> pages(kPages);
  std::iota(pages.begin(), pages.end(), 5U);
  RadixTree contiguous{{.page_tokens = 1}};
  contiguous.insert({0, tokens, {}, {}}, pages);
  std::swap(pages[7], pages[9]);
  RadixTree scattered{{.page_tokens = 1}};
  scattered.insert({0, tokens, {}, {}}, pages);
  EXPECT_LT(contiguous.memory_bytes(), 6 * kPages);
  EXPECT_GT(scattered.memory_bytes(), 8 * kPages);
}

TEST_F(RadixTreeTest, DigestForgetsTheWayToAState) {
  CachedTree other{{.page_tokens = 1, .counts_digest = true}, 50, 50};
  insert({1, 2, 3});
  insert({4});
  cache_.match({1, 2, 3});
  other.insert({4});
  other.insert({1, 2, 3});
  EXPECT_EQ(tree().digest(), other.tree().digest());
  cache_.match({4});
  EXPECT_NE(tree().digest(), other.tree().digest());
  other.match({4});
  EXPECT_EQ(tree().digest(), other.tree().digest());
}

TEST_F(RadixTreeTest, DigestKnowsNamespacesCutsTiersLocksAndHits) {
  const auto digest_after = [](auto change) {
    CachedTree cache{{.page_tokens = 1, .counts_digest = true}, 50, 50};
    const NodeId node = cache.insert({1, 2, 3}).node;
    cache.insert({7, 8}, {}, 1);
    change(cache, node);
    return cache.tree().digest();
  };
  std::vector<std::uint64_t> digests{
      digest_after([](CachedTree&, NodeId) {}),
      digest_after([](CachedTree& cache, NodeId) {
        cache.insert({7, 8}, {}, 2);
      }),
      digest_after([](CachedTree& cache, NodeId) {
        cache.match({1, 2});
      }),
      digest_after([](CachedTree& cache, NodeId node) { cache.tree().lock(node); }),
      digest_after([](CachedTree& cache, NodeId node) { cache.back_up_path(node); }),
      digest_after([](CachedTree& cache, NodeId node) {
        cache.tree().begin_backup(node, std::vector<PageId>{1, 2, 3}, 9);
      }),
      digest_after([](CachedTree& cache, NodeId node) {
        cache.back_up_path(node);
        cache.tree().host_lock(node);
      }),
      digest_after([](CachedTree& cache, NodeId node) {
        cache.back_up_path(node);
        cache.evict_device(1);
      }),
      digest_after([](CachedTree& cache, NodeId) {
        cache.match({7, 8}, 1);
        cache.match({1, 2, 3});
      }),
      digest_after([](CachedTree& cache, NodeId) {
        cache.insert({7, 8}, {}, 1);
      }),
      digest_after([](CachedTree& cache, NodeId) {
        cache.insert({7, 8}, {.priority = 3}, 1);
      }),
  };
  std::sort(digests.begin(), digests.end());
  EXPECT_EQ(std::unique(digests.begin(), digests.end()), digests.end());
}

}  // namespace
}  // namespace radixbench

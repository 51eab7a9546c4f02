// Cases 1 to 8 of cache-behaviour.md 9.2 (of 6 the LRU half), 13 and 14 for the host tier, at page
// sizes on both sides of where nodes turn from tokens to hashes. Lengths are in tokens, as there.

#include "support/tree_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace radixbench {
namespace {

class ConformanceTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  static constexpr std::size_t kPoolPages = 256;

  [[nodiscard]] Tokens seq(TokenId first, std::size_t pages) const {
    return sequence(first, pages, GetParam());
  }
  [[nodiscard]] std::size_t tokens_of(std::size_t pages) const { return pages * GetParam(); }
  void TearDown() override { EXPECT_EQ(cache_.tree().check(), std::nullopt); }

  CachedTree cache_{{.page_tokens = GetParam()}, kPoolPages, kPoolPages};
};

TEST_P(ConformanceTest, Case1MatchGoesAsFarAsWhatWasInserted) {
  const Tokens a = seq(1, 2);
  const Tokens b = a + seq(1000, 1);
  cache_.insert(a);
  EXPECT_EQ(tokens_of(cache_.insert(b).existing_pages), a.size());
  EXPECT_EQ(cache_.matched_tokens(b), b.size());
  EXPECT_EQ(cache_.matched_tokens(a + seq(9000, 1)), a.size());
  EXPECT_EQ(cache_.matched_tokens(seq(5000, 2)), 0U);
}

TEST_P(ConformanceTest, Case2BranchesShareTheirCommonPrefix) {
  const Tokens base = seq(1, 2);
  const Tokens left = base + seq(100'000, 2);
  const Tokens right = base + seq(200'000, 2);
  cache_.insert(base);
  EXPECT_EQ(tokens_of(cache_.insert(left).existing_pages), base.size());
  EXPECT_EQ(tokens_of(cache_.insert(right).existing_pages), base.size());
  EXPECT_EQ(cache_.matched_tokens(left), left.size());
  EXPECT_EQ(cache_.matched_tokens(right), right.size());
  EXPECT_EQ(cache_.matched_tokens(base + seq(999'000, 1)), base.size());
}

TEST_P(ConformanceTest, Case3DuplicatesComeBackFromTheCallersPrivatePartOnly) {
  const std::size_t available = cache_.device_free.size();
  cache_.insert(seq(1, 1));
  EXPECT_EQ(cache_.device_free.size(), available - 1);
  EXPECT_EQ(cache_.insert(seq(1, 2)).existing_pages, 1U);
  EXPECT_EQ(cache_.device_free.size(), available - 2);
  // Three new slots, of which the first two stay the caller's: nothing is given back.
  const std::vector<PageId> pages{101, 102, 103};
  const OwnedKey key = cache_.key(seq(1, 3));
  const Insertion done = cache_.tree().insert(key.key(), pages, {.private_from_page = 2});
  EXPECT_EQ(done.existing_pages, 2U);
  EXPECT_TRUE(done.duplicate_pages.empty());
}

TEST_P(ConformanceTest, Case4OnlyWholePagesMatch) {
  const std::uint32_t page = GetParam();
  cache_.insert(seq(1, 1));
  cache_.insert(seq(1, 2));
  Tokens second_wrong = seq(1, 2);
  second_wrong[page] = 77'777;
  Tokens first_wrong = seq(1, 2);
  first_wrong[0] = 77'777;
  EXPECT_EQ(cache_.matched_tokens(second_wrong), page);
  EXPECT_EQ(cache_.matched_tokens(first_wrong), 0U);
  Tokens longer = seq(1, 3);
  longer.pop_back();
  EXPECT_EQ(cache_.matched_tokens(longer), 2 * page);
  Tokens shorter = seq(1, 1);
  shorter.pop_back();
  EXPECT_EQ(cache_.matched_tokens(shorter), 0U);
}

TEST_P(ConformanceTest, Case4AWrongLastTokenOfAPageIsAWrongPage) {
  cache_.insert(seq(1, 2));
  Tokens wrong = seq(1, 2);
  wrong.back() = 77'777;
  EXPECT_EQ(cache_.matched_tokens(wrong), tokens_of(1));
}

TEST_P(ConformanceTest, Case5EvictionSparesWhatIsLocked) {
  const Tokens a = seq(1, 2);
  const Tokens b = seq(500'000, 2);
  cache_.insert(a);
  cache_.insert(b);
  const NodeId locked = cache_.tree().lock(cache_.match(a).device_node);
  EXPECT_EQ(cache_.tree().evictable_device_pages(), 2U);
  EXPECT_GE(cache_.evict_device(4), 2U);
  EXPECT_EQ(cache_.matched_tokens(a), a.size());
  EXPECT_EQ(cache_.matched_tokens(b), 0U);
  cache_.tree().unlock(locked);
  EXPECT_GE(cache_.evict_device(2), 2U);
  EXPECT_EQ(cache_.matched_tokens(a), 0U);
}

TEST_P(ConformanceTest, Case6TheLeastRecentlyMatchedGoesFirst) {
  const Tokens old = seq(1, 2);
  const Tokens fresh = seq(500'000, 2);
  cache_.insert(old);
  cache_.insert(fresh);
  cache_.match(fresh);
  cache_.evict_device(2);
  EXPECT_EQ(cache_.matched_tokens(old), 0U);
  EXPECT_EQ(cache_.matched_tokens(fresh), fresh.size());
}

TEST_P(ConformanceTest, Case6AMatchMakesTheOlderOneTheNewer) {
  const Tokens old = seq(1, 2);
  const Tokens fresh = seq(500'000, 2);
  cache_.insert(old);
  cache_.insert(fresh);
  cache_.match(old);
  cache_.evict_device(2);
  EXPECT_EQ(cache_.matched_tokens(fresh), 0U);
  EXPECT_EQ(cache_.matched_tokens(old), old.size());
}

TEST_P(ConformanceTest, Case7AChainGoesFromItsEndToTheRoot) {
  for (const std::size_t pages : {2U, 4U, 6U}) cache_.insert(seq(1, pages));
  EXPECT_EQ(cache_.tree().counts().node_count, 3U);
  EXPECT_EQ(cache_.evict_device(2 * cache_.tree().evictable_device_pages()), 6U);
  EXPECT_EQ(cache_.tree().counts().node_count, 0U);
  EXPECT_EQ(cache_.tree().evictable_device_pages(), 0U);
  EXPECT_EQ(cache_.device_free.size(), kPoolPages);
}

TEST_P(ConformanceTest, Case8EvictionKeepsTheCommonPathOfALockedBranch) {
  const Tokens base = seq(1, 2);
  const Tokens a = base + seq(100'000, 2);
  const Tokens b = base + seq(200'000, 2);
  cache_.insert(a);
  cache_.insert(b);
  const NodeId locked = cache_.tree().lock(cache_.match(b).device_node);
  cache_.evict_device(4);
  EXPECT_EQ(cache_.matched_tokens(b), b.size());
  EXPECT_EQ(cache_.matched_tokens(a), base.size());
  cache_.tree().unlock(locked);
}

TEST_P(ConformanceTest, Case13ABackedUpLeafGoesToTheHostAndThenAway) {
  const Tokens tokens = seq(1, 2);
  const NodeId node = cache_.insert(tokens).node;
  cache_.back_up_path(node);
  EXPECT_EQ(cache_.evict_device(2), 2U);
  const NodeView view = cache_.tree().view(node);
  EXPECT_FALSE(view.is_on_device);
  EXPECT_TRUE(view.is_on_host);
  const Match found = cache_.match(tokens);
  EXPECT_EQ(found.device_pages, 0U);
  EXPECT_EQ(found.host_pages, 2U);
  EXPECT_EQ(cache_.evict_host(2), 2U);
  EXPECT_EQ(cache_.tree().counts().node_count, 0U);
  EXPECT_EQ(cache_.host_free.size(), kPoolPages);
}

TEST_P(ConformanceTest, Case14APartialMatchSplitsWhatOnlyTheHostHolds) {
  const Tokens tokens = seq(1, 4);
  const NodeId node = cache_.insert(tokens).node;
  cache_.back_up_path(node);
  cache_.evict_device(4);
  const Match found = cache_.match(seq(1, 2) + seq(9'000'000, 1));
  EXPECT_EQ(found.device_pages, 0U);
  EXPECT_EQ(found.device_node, kRootNode);
  EXPECT_EQ(found.host_pages, 2U);
  const NodeView upper = cache_.tree().view(found.best_node);
  EXPECT_TRUE(!upper.is_on_device && upper.is_on_host && upper.page_count == 2);
  const NodeView lower = cache_.tree().view(node);
  EXPECT_TRUE(!lower.is_on_device && lower.is_on_host && lower.page_count == 2);
  EXPECT_EQ(lower.parent, found.best_node);
}

INSTANTIATE_TEST_SUITE_P(PageSizes,
                         ConformanceTest,
                         testing::Values(1U, 4U, 16U, 64U, 128U, 512U),
                         [](const auto& row) { return "Page" + std::to_string(row.param); });

}  // namespace
}  // namespace radixbench

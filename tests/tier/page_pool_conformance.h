#pragma once

#include "tier/page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace radixbench {

// What a page pool is. Whoever makes one adds a line to an INSTANTIATE_TEST_SUITE_P.
struct PagePoolMaker {
  std::string name;
  std::function<std::unique_ptr<PagePool>(std::size_t page_count, std::size_t page_bytes)> make;
};

class PagePoolConformance : public testing::TestWithParam<PagePoolMaker> {
 protected:
  [[nodiscard]] static std::unique_ptr<PagePool> make(std::size_t page_count,
                                                      std::size_t page_bytes) {
    return GetParam().make(page_count, page_bytes);
  }
  // The pages, or none where the pool refused.
  static std::vector<PageId> take(PagePool& pool, std::size_t count) {
    std::vector<PageId> pages;
    const bool is_taken = pool.take(count, pages);
    EXPECT_EQ(pages.size(), is_taken ? count : 0);
    return pages;
  }
};

inline std::string pool_maker_name(const testing::TestParamInfo<PagePoolMaker>& info) {
  return info.param.name;
}

TEST_P(PagePoolConformance, FreshPoolHandsOutIdsFromZeroUp) {
  const auto pool = make(5, 0);
  EXPECT_EQ(pool->page_count(), 5U);
  EXPECT_EQ(pool->free_count(), 5U);
  EXPECT_EQ(take(*pool, 3), (std::vector<PageId>{0, 1, 2}));
  EXPECT_EQ(take(*pool, 2), (std::vector<PageId>{3, 4}));
  EXPECT_EQ(pool->free_count(), 0U);
}

TEST_P(PagePoolConformance, PagesComeBackInTheOrderTheyWereGiven) {
  const auto pool = make(5, 0);
  EXPECT_EQ(take(*pool, 5).size(), 5U);
  pool->give_back(std::vector<PageId>{3, 0});
  pool->give_back(std::vector<PageId>{4});
  EXPECT_EQ(take(*pool, 1), (std::vector<PageId>{3}));
  pool->give_back(std::vector<PageId>{1, 2, 3});
  EXPECT_EQ(take(*pool, 5), (std::vector<PageId>{0, 4, 1, 2, 3}));
}

TEST_P(PagePoolConformance, FreedPagesWaitBehindThoseNeverUsed) {
  const auto pool = make(4, 0);
  pool->give_back(take(*pool, 2));
  EXPECT_EQ(take(*pool, 4), (std::vector<PageId>{2, 3, 0, 1}));
}

TEST_P(PagePoolConformance, TakingMoreThanIsFreeTakesNothing) {
  const auto pool = make(4, 0);
  std::vector<PageId> pages = take(*pool, 1);
  EXPECT_FALSE(pool->take(4, pages));
  EXPECT_EQ(pages, (std::vector<PageId>{0}));
  EXPECT_EQ(pool->free_count(), 3U);
  EXPECT_TRUE(pool->take(3, pages));
  EXPECT_EQ(pages, (std::vector<PageId>{0, 1, 2, 3}));
}

TEST_P(PagePoolConformance, NothingCanAlwaysBeTakenAndGivenBack) {
  const auto pool = make(0, 16);
  std::vector<PageId> pages;
  EXPECT_TRUE(pool->take(0, pages));
  EXPECT_FALSE(pool->take(1, pages));
  pool->give_back(pages);
  EXPECT_EQ(pool->free_count(), 0U);
}

TEST_P(PagePoolConformance, PayloadsAreDisjointAndKept) {
  const auto pool = make(100, 24);
  const std::vector<PageId> pages = take(*pool, 100);
  for (const PageId page : pages) {
    ASSERT_EQ(pool->payload(page).size(), 24U);
    std::ranges::fill(pool->payload(page), static_cast<std::byte>(page));
  }
  for (const PageId page : pages) {
    EXPECT_TRUE(std::ranges::all_of(
        pool->payload(page), [&](std::byte b) { return b == static_cast<std::byte>(page); }));
  }
}

TEST_P(PagePoolConformance, PoolOfAddressesHasNoPayload) {
  const auto pool = make(2, 0);
  EXPECT_EQ(pool->page_bytes(), 0U);
  EXPECT_TRUE(pool->payload(1).empty());
}

TEST_P(PagePoolConformance, AHundredThousandPagesGoRoundManyTimes) {
  constexpr std::size_t kPages = 100'000;
  const auto pool = make(kPages, 0);
  for (int round = 0; round < 5; ++round) {
    std::vector<PageId> pages = take(*pool, kPages / 3);
    const std::vector<PageId> rest = take(*pool, kPages - kPages / 3);
    pages.insert(pages.end(), rest.begin(), rest.end());
    ASSERT_EQ(pool->free_count(), 0U);
    pool->give_back(pages);
    std::ranges::sort(pages);
    std::vector<PageId> all(kPages);
    std::iota(all.begin(), all.end(), PageId{0});
    ASSERT_EQ(pages, all);
  }
}

TEST_P(PagePoolConformance, NoPageHasTwoHoldersAcrossThreads) {
  constexpr std::size_t kPages = 64;
  const auto pool = make(kPages, sizeof(int));
  const auto work = [&](int me) {
    for (int round = 0; round < 2'000; ++round) {
      std::vector<PageId> pages;
      if (!pool->take(static_cast<std::size_t>(1 + round % 20), pages)) continue;
      for (const PageId page : pages) std::memcpy(pool->payload(page).data(), &me, sizeof me);
      for (const PageId page : pages) {
        int found = -1;
        std::memcpy(&found, pool->payload(page).data(), sizeof found);
        EXPECT_EQ(found, me);
      }
      pool->give_back(pages);
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) threads.emplace_back(work, thread);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool->free_count(), kPages);
}

using PagePoolConformanceDeathTest = PagePoolConformance;

TEST_P(PagePoolConformanceDeathTest, GivingBackAFreePageIsABug) {
  const auto pool = make(4, 0);
  const std::vector<PageId> pages = take(*pool, 2);
  EXPECT_DEATH(pool->give_back(std::vector<PageId>{3}), "is_free");
  EXPECT_DEATH(pool->give_back(std::vector<PageId>{0, 1, 0}), "is_free");
  EXPECT_DEATH(pool->give_back(std::vector<PageId>{4}), "size");
}

}  // namespace radixbench

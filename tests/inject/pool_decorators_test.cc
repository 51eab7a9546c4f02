#include "inject/failing_pool.h"
#include "inject/miscounting_pool.h"
#include "tier/page_pool_conformance.h"

namespace radixbench {
namespace {

// Those that are never set off are pools like any other.
const std::vector<PagePoolMaker> kIdleDecorators = {
    {"Failing",
     [](std::size_t page_count, std::size_t page_bytes) {
       return make_failing_pool(make_memory_pool(page_count, page_bytes), 0);
     }},
    {"Miscounting", [](std::size_t page_count, std::size_t page_bytes) {
       return make_miscounting_pool(make_memory_pool(page_count, page_bytes), 0);
     }}};
INSTANTIATE_TEST_SUITE_P(Idle,
                         PagePoolConformance,
                         testing::ValuesIn(kIdleDecorators),
                         pool_maker_name);
INSTANTIATE_TEST_SUITE_P(Idle,
                         PagePoolConformanceDeathTest,
                         testing::ValuesIn(kIdleDecorators),
                         pool_maker_name);

TEST(FailingPoolTest, OnlyTheChosenTakeFailsAndTakesNothing) {
  const auto pool = make_failing_pool(make_memory_pool(10, 0), 2);
  std::vector<PageId> pages;
  EXPECT_TRUE(pool->take(1, pages));
  EXPECT_FALSE(pool->take(1, pages));
  EXPECT_EQ(pool->free_count(), 9U);
  EXPECT_TRUE(pool->take(1, pages));
  EXPECT_EQ(pages, (std::vector<PageId>{0, 1}));
}

TEST(FailingPoolTest, ATakeThatFailsByItselfCounts) {
  const auto pool = make_failing_pool(make_memory_pool(1, 0), 2);
  std::vector<PageId> pages;
  EXPECT_FALSE(pool->take(2, pages));
  EXPECT_FALSE(pool->take(1, pages));
  EXPECT_TRUE(pool->take(1, pages));
}

TEST(MiscountingPoolTest, OnlyTheChosenCountIsZeroAndTakingGoesOn) {
  const auto pool = make_miscounting_pool(make_memory_pool(4, 0), 3);
  EXPECT_EQ(pool->free_count(), 4U);
  EXPECT_EQ(pool->free_count(), 4U);
  EXPECT_EQ(pool->free_count(), 0U);
  std::vector<PageId> pages;
  EXPECT_TRUE(pool->take(4, pages));
  pool->give_back(pages);
  EXPECT_EQ(pool->free_count(), 4U);
}

}  // namespace
}  // namespace radixbench

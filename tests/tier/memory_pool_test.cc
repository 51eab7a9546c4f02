#include "tier/page_pool_conformance.h"

#include <cstdint>

namespace radixbench {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory,
                         PagePoolConformance,
                         testing::Values(PagePoolMaker{"Memory", make_memory_pool}),
                         pool_maker_name);
INSTANTIATE_TEST_SUITE_P(Memory,
                         PagePoolConformanceDeathTest,
                         testing::Values(PagePoolMaker{"Memory", make_memory_pool}),
                         pool_maker_name);

TEST(MemoryPoolTest, PayloadIsOneRunOfMemoryFromAPageBoundary) {
  const auto pool = make_memory_pool(1'000, 256);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pool->payload(0).data()) % 4'096, 0U);
  EXPECT_EQ(pool->payload(999).data(), pool->payload(0).data() + std::ptrdiff_t{999} * 256);
}

TEST(MemoryPoolTest, MemoryIsNotPaidForBeforeItIsTouched) {
  // 64 GiB: would fail, or be noticed, if they were filled.
  const auto pool = make_memory_pool(1U << 16U, 1U << 20U);
  const auto last = pool->payload((1U << 16U) - 1);
  last.back() = std::byte{7};
  EXPECT_EQ(last.back(), std::byte{7});
  EXPECT_EQ(pool->payload(12'345).front(), std::byte{0});
}

}  // namespace
}  // namespace radixbench

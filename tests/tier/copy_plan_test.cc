#include "tier/copy_plan.h"

#include "base/random.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace radixbench {
namespace {

using testing::ElementsAre;

constexpr std::size_t kNoPitchLimit = std::size_t{1} << 40U;

PageShape shape(PageOrder order, std::size_t page_count) {
  return {.order = order, .page_count = page_count, .layers = 4, .slice_bytes = 16};
}

TEST(CopyPlanTest, WholePagesThatCountUpOnBothSidesAreOnePiece) {
  const auto plan = plan_copies(shape(PageOrder::kPageFirst, 100),
                                shape(PageOrder::kPageFirst, 50),
                                std::array<PageId, 5>{7, 8, 9, 20, 21},
                                std::array<PageId, 5>{0, 1, 2, 3, 4},
                                kNoPitchLimit);
  EXPECT_THAT(
      plan,
      ElementsAre(CopyBlock{.host_offset = 7 * 64, .device_offset = 0, .width = 3 * 64},
                  CopyBlock{.host_offset = 20 * 64, .device_offset = 3 * 64, .width = 128}));
}

TEST(CopyPlanTest, LayersOnOneSideAreRowsOfAPage) {
  const auto plan = plan_copies(shape(PageOrder::kPageFirst, 100),
                                shape(PageOrder::kLayerFirst, 50),
                                std::array<PageId, 1>{3},
                                std::array<PageId, 1>{9},
                                kNoPitchLimit);
  EXPECT_THAT(plan,
              ElementsAre(CopyBlock{.host_offset = 3 * 64,
                                    .device_offset = 9 * 16,
                                    .width = 16,
                                    .height = 4,
                                    .host_pitch = 16,
                                    .device_pitch = 50 * 16}));
}

TEST(CopyPlanTest, ALongRunIsABlockALayerAndNotOneAPage) {
  std::vector<PageId> pages(30);
  std::iota(pages.begin(), pages.end(), PageId{2});
  const auto plan = plan_copies(shape(PageOrder::kPageFirst, 100),
                                shape(PageOrder::kLayerFirst, 50),
                                pages,
                                pages,
                                kNoPitchLimit);
  ASSERT_EQ(plan.size(), 4U);
  EXPECT_EQ(plan[1],
            (CopyBlock{.host_offset = 2 * 64 + 16,
                       .device_offset = 2 * 16 + 50 * 16,
                       .width = 16,
                       .height = 30,
                       .host_pitch = 64,
                       .device_pitch = 16}));
}

TEST(CopyPlanTest, PitchesBeyondTheLimitBecomePiecesOfTheirOwn) {
  const auto plan = plan_copies(shape(PageOrder::kPageFirst, 100),
                                shape(PageOrder::kLayerFirst, 50),
                                std::array<PageId, 1>{0},
                                std::array<PageId, 1>{0},
                                50 * 16 - 1);
  ASSERT_EQ(plan.size(), 4U);
  EXPECT_EQ(plan[3], (CopyBlock{.host_offset = 48, .device_offset = 3 * 50 * 16, .width = 16}));
}

void apply(std::span<const CopyBlock> plan,
           const std::vector<char>& host,
           std::vector<char>& device) {
  for (const CopyBlock& block : plan) {
    for (std::size_t row = 0; row < block.height; ++row) {
      std::memcpy(device.data() + block.device_offset + row * block.device_pitch,
                  host.data() + block.host_offset + row * block.host_pitch,
                  block.width);
    }
  }
}

// Whatever lies where: every byte of every pair arrives, and nothing else is touched.
TEST(CopyPlanTest, EveryByteArrivesWhereItBelongs) {
  constexpr std::uint64_t kSeed = 20261126;
  SCOPED_TRACE(kSeed);
  for (std::uint64_t round = 0; round < 200; ++round) {
    const auto pick = [&](const char* what, std::uint64_t below) {
      return draw(kSeed, what, round, 0) % below;
    };
    const auto order = [&](const char* what) {
      return pick(what, 2) == 0 ? PageOrder::kPageFirst : PageOrder::kLayerFirst;
    };
    const PageShape host = shape(order("host"), 40);
    const PageShape device = shape(order("device"), 25);
    const auto pages_of = [&](const char* what, std::size_t page_count) {
      std::vector<PageId> pages(page_count);
      std::iota(pages.begin(), pages.end(), PageId{0});
      // A few swaps: runs and single pages.
      for (std::uint64_t swap = 0; swap < round % 20; ++swap) {
        std::swap(pages[draw(kSeed, what, round, 2 * swap) % page_count],
                  pages[draw(kSeed, what, round, 2 * swap + 1) % page_count]);
      }
      pages.resize(1 + pick("count", 25));
      return pages;
    };
    const std::vector<PageId> from = pages_of("from", 40);
    const std::vector<PageId> to = pages_of("to", 25);
    std::vector<char> host_bytes(host.bytes());
    for (std::size_t i = 0; i < host_bytes.size(); ++i) {
      host_bytes[i] = static_cast<char>(1 + draw(kSeed, "byte", round, i) % 100);
    }
    std::vector<char> expected(device.bytes(), 0);
    for (std::size_t i = 0; i < from.size(); ++i) {
      for (std::size_t layer = 0; layer < 4; ++layer) {
        std::memcpy(expected.data() + device.offset(to[i], layer),
                    host_bytes.data() + host.offset(from[i], layer),
                    16);
      }
    }
    std::vector<char> device_bytes(device.bytes(), 0);
    const std::size_t limit = pick("limit", 2) == 0 ? kNoPitchLimit : 300;
    apply(plan_copies(host, device, from, to, limit), host_bytes, device_bytes);
    ASSERT_EQ(device_bytes, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace radixbench

#include "index/payload_arena.h"
#include "base/random.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace radixbench {
namespace {

TEST(PayloadArenaTest, ABlockLivesUntilItsLastReferenceGoes) {
  PayloadArena arena{0};
  PayloadBlock* block = arena.take(100);
  PayloadArena::add_reference(block);
  arena.drop_reference(block);
  EXPECT_EQ(arena.bytes_used(), 112U + sizeof(PayloadBlock));
  arena.drop_reference(block);
  EXPECT_EQ(arena.bytes_used(), 0U);
  EXPECT_TRUE(arena.is_consistent());
}

TEST(PayloadArenaTest, FreedNeighboursJoin) {
  PayloadArena arena{0};
  std::vector<PayloadBlock*> blocks;
  for (int at = 0; at < 100; ++at) blocks.push_back(arena.take(1000));
  const std::size_t mapped = arena.bytes_mapped();
  for (const int step : {0, 2, 1}) {
    for (std::size_t at = static_cast<std::size_t>(step); at < blocks.size(); at += 3) {
      arena.drop_reference(blocks[at]);
    }
    EXPECT_TRUE(arena.is_consistent());
  }
  // All of it in one piece fits only where nothing is left between the pieces.
  arena.take(100 * 1000);
  EXPECT_EQ(arena.bytes_mapped(), mapped);
}

TEST(PayloadArenaTest, BlocksNeverOverlap) {
  constexpr std::uint64_t kSeed = 1;
  SCOPED_TRACE(kSeed);
  struct Held {
    PayloadBlock* block;
    std::size_t bytes;
    unsigned char mark;
  };
  PayloadArena arena{0};
  Random random{kSeed, "arena"};
  std::vector<Held> held;
  for (int step = 0; step < 20'000; ++step) {
    if (held.empty() || random.below(100) < 51) {
      const std::size_t bytes = 1 + random.below(std::uint64_t{1} << random.below(15));
      const auto mark = static_cast<unsigned char>(random.below(256));
      held.push_back({arena.take(bytes), bytes, mark});
      std::memset(held.back().block->payload(), mark, bytes);
    } else {
      const std::size_t at = random.below(held.size());
      for (std::size_t byte = 0; byte < held[at].bytes; ++byte) {
        ASSERT_EQ(held[at].block->payload()[byte], std::byte{held[at].mark});
      }
      arena.drop_reference(held[at].block);
      held[at] = held.back();
      held.pop_back();
    }
    ASSERT_TRUE(step % 500 != 0 || arena.is_consistent());
  }
  for (const Held& last : held) arena.drop_reference(last.block);
  EXPECT_EQ(arena.bytes_used(), 0U);
  EXPECT_TRUE(arena.is_consistent());
}

TEST(PayloadArenaTest, ReservedMemoryServesWithoutMore) {
  constexpr std::size_t kReserved = std::size_t{1} << 20U;
  PayloadArena arena{kReserved};
  const std::size_t mapped = arena.bytes_mapped();
  EXPECT_GE(mapped, kReserved);
  arena.take(kReserved / 2);
  EXPECT_EQ(arena.bytes_mapped(), mapped);
}

}  // namespace
}  // namespace radixbench

#include "inject/slow_fabric.h"

#include "comm/thread_fabric.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

// What rank `fabric` gets of a sum over both ranks, and how long it took.
struct Outcome {
  std::int64_t sum = 0;
  std::int64_t took_ns = 0;
};

Outcome sum_of_both(Fabric& fabric, std::int64_t mine) {
  const Deadline deadline = deadline_after(30s);
  const auto group = fabric.open({.name = "both", .members = {0, 1}, .ordinal = 0}, deadline);
  EXPECT_TRUE(group);
  std::array<std::int64_t, 1> values = {mine};
  const std::int64_t begun_ns = monotonic_ns();
  EXPECT_TRUE((*group)->all_reduce(std::span<std::int64_t>{values},
                                   ReduceOp::kSum,
                                   {.site = 0, .key = 0, .deadline = deadline}));
  return {values[0], monotonic_ns() - begun_ns};
}

TEST(SlowFabricTest, CallsTakeLongerAndSayTheSame) {
  const std::vector<std::unique_ptr<Fabric>> fabrics = make_thread_fabrics(2, nullptr);
  const std::unique_ptr<Fabric> slow = make_slow_fabric(*fabrics[1], 20ms);
  EXPECT_EQ(slow->rank(), 1U);
  EXPECT_EQ(slow->world_size(), 2U);
  Outcome fast_one;
  std::thread other{[&] { fast_one = sum_of_both(*fabrics[0], 3); }};
  const Outcome slow_one = sum_of_both(*slow, 4);
  other.join();
  EXPECT_EQ(fast_one.sum, 7);
  EXPECT_EQ(slow_one.sum, 7);
  EXPECT_GE(slow_one.took_ns, 20'000'000);
}

TEST(SlowFabricTest, AGroupOfOneIsLeftAsItIs) {
  const std::vector<std::unique_ptr<Fabric>> fabrics = make_thread_fabrics(1, nullptr);
  const std::unique_ptr<Fabric> slow = make_slow_fabric(*fabrics[0], 1h);
  const Deadline deadline = deadline_after(30s);
  const auto group = slow->open({.name = "lone", .members = {0}, .ordinal = 0}, deadline);
  ASSERT_TRUE(group);
  EXPECT_TRUE((*group)->barrier({.site = 0, .key = 0, .deadline = deadline}));
}

}  // namespace
}  // namespace radixbench

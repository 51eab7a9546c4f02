#include "study/launch_schedule.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace radixbench {
namespace {

char letter(LaunchSide side) {
  if (side == LaunchSide::kA) return 'A';
  return side == LaunchSide::kB ? 'B' : 'S';
}

std::string orders(const std::vector<ScheduledPair>& schedule) {
  std::string text;
  for (const ScheduledPair& pair : schedule) {
    text += (text.empty() ? "" : " ") + std::string{letter(pair.first), letter(pair.second)};
  }
  return text;
}

TEST(LaunchScheduleTest, OrdersAlternate) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    seen.insert(orders(launch_schedule(seed, 4, false)));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"AB BA AB BA", "BA AB BA AB"}));
}

TEST(LaunchScheduleTest, ASelfCheckFollowsEachTwoPairs) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<ScheduledPair> schedule = launch_schedule(seed, 5, true);
    ASSERT_EQ(schedule.size(), 7U);
    std::set<LaunchSide> first_of_checks;
    for (std::size_t i = 0; i < schedule.size(); ++i) {
      EXPECT_EQ(schedule[i].number, static_cast<std::int32_t>(i));
      EXPECT_EQ(schedule[i].is_self_check(), i == 2 || i == 5);
      if (schedule[i].is_self_check()) first_of_checks.insert(schedule[i].first);
    }
    EXPECT_EQ(first_of_checks.size(), 2U);
  }
}

TEST(LaunchScheduleTest, ALongerScheduleBeginsWithTheShorter) {
  const std::vector<ScheduledPair> shorter = launch_schedule(7, 10, true);
  const std::vector<ScheduledPair> longer = launch_schedule(7, 30, true);
  EXPECT_TRUE(orders(longer).starts_with(orders(shorter)));
}

TEST(LaunchScheduleTest, PaddingHangsOnTheSeedAndStaysWithinItsBound) {
  std::set<std::size_t> seen;
  for (std::int32_t pair = 0; pair < 50; ++pair) {
    const std::size_t a = environment_padding(3, pair, LaunchSide::kA, 4096);
    EXPECT_LE(a, 4096U);
    EXPECT_EQ(a, environment_padding(3, pair, LaunchSide::kA, 4096));
    EXPECT_EQ(environment_padding(3, pair, LaunchSide::kA, 0), 0U);
    seen.insert(a);
    seen.insert(environment_padding(3, pair, LaunchSide::kB, 4096));
  }
  EXPECT_GT(seen.size(), 90U);
}

}  // namespace
}  // namespace radixbench

#include "study/launch_schedule.h"

#include "base/random.h"

#include <utility>

namespace radixbench {
namespace {

ScheduledPair make_pair(std::int32_t number, LaunchSide other, bool is_other_first) {
  ScheduledPair pair{.number = number, .first = LaunchSide::kA, .second = other};
  if (is_other_first) std::swap(pair.first, pair.second);
  return pair;
}

}  // namespace

std::vector<ScheduledPair> launch_schedule(std::uint64_t seed,
                                           std::size_t pairs,
                                           bool has_self_check) {
  std::vector<ScheduledPair> schedule;
  bool is_b_first = draw(seed, "ab.order", 0, 0) % 2 == 1;
  bool is_check_first = draw(seed, "ab.order", 1, 0) % 2 == 1;
  std::int32_t number = 0;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    schedule.push_back(make_pair(number++, LaunchSide::kB, is_b_first));
    is_b_first = !is_b_first;
    if (!has_self_check || pair % 2 == 0) continue;
    schedule.push_back(make_pair(number++, LaunchSide::kSelfCheck, is_check_first));
    is_check_first = !is_check_first;
  }
  return schedule;
}

std::size_t environment_padding(std::uint64_t seed,
                                std::int32_t pair,
                                LaunchSide side,
                                std::size_t bytes_max) {
  const std::uint64_t drawn = draw(
      seed, "ab.environment", static_cast<std::uint64_t>(pair), static_cast<std::uint64_t>(side));
  return static_cast<std::size_t>(drawn % (bytes_max + 1));
}

}  // namespace radixbench

#pragma once

#include "stats/gate_launches.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace radixbench {

// Two launches that run next to each other. Numbers count all pairs in the order in which they run.
struct ScheduledPair {
  std::int32_t number = 0;
  LaunchSide first = LaunchSide::kA, second = LaunchSide::kB;

  [[nodiscard]] bool is_self_check() const {
    return first == LaunchSide::kSelfCheck || second == LaunchSide::kSelfCheck;
  }
};

// `pairs` pairs of A and B whose orders alternate (AB BA AB ...), so that a drift of the machine
// falls on both sides alike; the first order is the seed's. With the self-check, each two of them
// are followed by a pair of A' and A, orders alternating too. A longer schedule begins with the
// shorter ones.
std::vector<ScheduledPair> launch_schedule(std::uint64_t seed,
                                           std::size_t pairs,
                                           bool has_self_check);

// Bytes by which the environment of a launch is made larger, at most `bytes_max`: where the stack
// begins shifts with it, and with that how fast some code is.
std::size_t environment_padding(std::uint64_t seed,
                                std::int32_t pair,
                                LaunchSide side,
                                std::size_t bytes_max);

}  // namespace radixbench

#pragma once

#include "base/random.h"
#include "stats/gate_report.h"
#include "stats/gate_samples.h"
#include "support/made_up_launches.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace radixbench {

constexpr std::uint64_t kSeed = 20261125;

// Launches of A, B and A' in pairs. Every noisy cell is a cost around its side's centre.
struct MadeUpSeries {
  std::size_t pairs = 10;
  double slower = 0;  // ln of B over A
  double stddev = 0.01;
  std::uint64_t seed = kSeed;
  std::size_t noisy_cells = 1;
  std::size_t self_pairs = 0;
  double self_slower = 0;

  [[nodiscard]] LaunchSet make() const {
    LaunchSet set;
    set.label = "made up";
    Random random{seed, "series"};
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      set.launches.push_back(launch(LaunchSide::kA, pair, 0, random));
      set.launches.push_back(launch(LaunchSide::kB, pair, slower, random));
      if (pair < self_pairs) {
        set.launches.push_back(launch(LaunchSide::kSelfCheck, pair, self_slower, random));
      }
    }
    return set;
  }

  [[nodiscard]] Launch launch(LaunchSide side,
                              std::size_t pair,
                              double centre,
                              Random& random) const {
    Launch made = made_up_launch(side, static_cast<std::int32_t>(pair));
    made.cells.push_back(exact_cell("wire_ops", 4096));
    const std::vector<double> costs = made_up_costs(random, noisy_cells, centre, stddev);
    for (std::size_t i = 0; i < noisy_cells; ++i) {
      made.cells.push_back(
          noisy_cell("wait" + std::to_string(i), "p50", 100'000 * std::exp(costs[i])));
    }
    return made;
  }
};

inline GateOptions rules_of(const std::vector<std::string>& texts) {
  GateOptions options;
  for (const std::string& text : texts) {
    options.rules.push_back(parse_gate_rule(text, GateAction::kFail).value());
  }
  return options;
}

inline GateReport judged(const LaunchSet& set, const GateOptions& options) {
  Result<GateReport> report = judge_launches(set, options);
  EXPECT_TRUE(report) << report.error().message;
  return report ? *report : GateReport{};
}

inline const GateCell& cell_in(const GateReport& report, const std::string& metric) {
  for (const GateCell& cell : report.cells) {
    if (cell.key.metric == metric) return cell;
  }
  ADD_FAILURE() << "no " << metric;
  static const GateCell kNone;
  return kNone;
}

inline void for_side(LaunchSet& set, LaunchSide side, const std::function<void(Launch&)>& change) {
  for (Launch& launch : set.launches) {
    if (launch.side == side) change(launch);
  }
}

}  // namespace radixbench

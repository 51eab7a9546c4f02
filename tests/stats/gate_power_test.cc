// The smallest slowdown that a gate finds in 80 of 100 runs, by simulation with this project's own
// tests; docs/gate.md shows the table that comes out.

#include "base/file_text.h"
#include "base/random.h"
#include "stats/gate_samples.h"
#include "stats/gate_statistics.h"
#include "stats/rank_distribution.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {
namespace {

constexpr std::uint64_t kSeed = 23;
constexpr std::size_t kSimulations = 6000;
constexpr double kAlpha = 0.05;
constexpr double kTolerance = 0.05;
constexpr int kSlowdowns[] = {6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40};

struct Column {
  std::size_t cells, pairs;
};
constexpr Column kColumns[] = {
    {1, 5}, {1, 10}, {1, 20}, {1, 30}, {20, 9}, {20, 10}, {20, 20}, {20, 30}};
constexpr double kStddevs[] = {0.005, 0.01, 0.02, 0.03, 0.05, 0.10, 0.20};

// The rank sum from which on n pairs show one of so many cells; values have no ties here.
std::optional<std::size_t> critical_sum(Column column) {
  std::vector<std::uint32_t> ranks = plain_ranks(column.pairs);
  const std::vector<double> sums = coin_sums(ranks);
  for (std::size_t sum = 0; sum < sums.size(); ++sum) {
    if (upper_tail(sums, sum) * static_cast<double>(column.cells) <= kAlpha) return sum;
  }
  return std::nullopt;
}

std::size_t rank_sum_above(const std::vector<double>& costs, double shift) {
  std::vector<std::pair<double, bool>> sorted;
  for (const double cost : costs) sorted.emplace_back(std::abs(cost - shift), cost > shift);
  std::sort(sorted.begin(), sorted.end());
  std::size_t sum = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) sum += sorted[i].second ? i + 1 : 0U;
  return sum;
}

double power(Column column, std::size_t critical, double stddev, double slowdown) {
  Random random{kSeed, "power"};
  std::size_t found = 0;
  for (std::size_t i = 0; i < kSimulations; ++i) {
    const std::vector<double> costs =
        made_up_costs(random, column.pairs, std::log1p(slowdown), stddev);
    found += rank_sum_above(costs, std::log1p(kTolerance)) >= critical ? 1U : 0U;
  }
  return static_cast<double>(found) / static_cast<double>(kSimulations);
}

std::string smallest_found(Column column, double stddev) {
  const std::optional<std::size_t> critical = critical_sum(column);
  for (const int percent : kSlowdowns) {
    if (critical && power(column, *critical, stddev, percent / 100.0) >= 0.8) {
      return std::to_string(percent);
    }
  }
  return "-";
}

TEST(GatePowerTest, TableInTheDocumentsIsWhatOurTestsGive) {
  const std::string page =
      read_file_text(RADIXBENCH_SOURCE_DIR "/docs/gate.md").value_or(std::string{});
  for (const double stddev : kStddevs) {
    std::string row = fmt::format("| {:.3g} % |", stddev * 100);
    for (const Column column : kColumns)
      row += fmt::format(" {} |", smallest_found(column, stddev));
    EXPECT_THAT(page, testing::HasSubstr(row + "\n"));
  }
}

TEST(GatePowerTest, CriticalSumsAreThoseOfTheGatesOwnTest) {
  Random random{kSeed, "critical"};
  for (int i = 0; i < 100; ++i) {
    const std::vector<double> costs = made_up_costs(random, 10, 0.08, 0.03);
    const double p = estimate_paired(costs, std::log1p(kTolerance), 0.95).p_reg;
    EXPECT_EQ(p <= kAlpha, rank_sum_above(costs, std::log1p(kTolerance)) >= *critical_sum({1, 10}))
        << "seed " << kSeed << ", series " << i;
  }
}

}  // namespace
}  // namespace radixbench

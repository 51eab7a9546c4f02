#include "stats/rank_distribution.h"

#include "base/check.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace radixbench {
namespace {

std::size_t sum_of(std::span<const std::uint32_t> ranks) {
  return std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
}

}  // namespace

std::vector<std::uint32_t> doubled_mid_ranks(std::span<const std::int64_t> values) {
  std::vector<std::int64_t> sorted{values.begin(), values.end()};
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::uint32_t> ranks;
  ranks.reserve(values.size());
  for (const std::int64_t value : values) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
    const auto below = first - sorted.begin(), through = last - sorted.begin();
    ranks.push_back(static_cast<std::uint32_t>(below + through + 1));
  }
  return ranks;
}

std::vector<std::uint32_t> plain_ranks(std::size_t count) {
  std::vector<std::uint32_t> ranks(count);
  std::iota(ranks.begin(), ranks.end(), 1U);
  return ranks;
}

std::vector<double> coin_sums(std::span<const std::uint32_t> ranks) {
  std::vector<double> sums(sum_of(ranks) + 1, 0.0);
  sums[0] = 1;
  std::size_t reached = 0;
  for (const std::uint32_t rank : ranks) {
    reached += rank;
    // Downwards, so that a rank counts once.
    for (std::size_t sum = reached + 1; sum-- > 0;) {
      sums[sum] = 0.5 * (sums[sum] + (sum >= rank ? sums[sum - rank] : 0.0));
    }
  }
  return sums;
}

std::vector<double> draw_sums(std::span<const std::uint32_t> ranks, std::size_t drawn) {
  RADIXBENCH_CHECK(drawn <= ranks.size());
  const std::size_t sums = sum_of(ranks) + 1;
  // Row k: k ranks drawn so far. The ranks come by one after the other and each is taken with the
  // chance that a draw without putting back gives it, so no binomial can overflow.
  std::vector<std::vector<double>> taken(drawn + 1, std::vector<double>(sums, 0.0));
  taken[0][0] = 1;
  std::size_t reached = 0;
  for (std::size_t seen = 0; seen < ranks.size(); ++seen) {
    const std::uint32_t rank = ranks[seen];
    const auto left = static_cast<double>(ranks.size() - seen);
    reached += rank;
    for (std::size_t k = std::min(drawn, seen + 1) + 1; k-- > 0;) {
      const double stay = (left - static_cast<double>(drawn - k)) / left;
      const double take = static_cast<double>(drawn - k + 1) / left;
      for (std::size_t sum = reached + 1; sum-- > 0;) {
        const bool comes_from_below = k > 0 && sum >= rank;
        taken[k][sum] =
            stay * taken[k][sum] + (comes_from_below ? take * taken[k - 1][sum - rank] : 0.0);
      }
    }
  }
  return std::move(taken[drawn]);
}

double upper_tail(std::span<const double> sums, std::size_t observed) {
  RADIXBENCH_CHECK(observed < sums.size());
  double tail = 0;
  for (std::size_t sum = sums.size(); sum-- > observed;) tail += sums[sum];
  return std::min(tail, 1.0);
}

std::optional<std::size_t> lower_cut(std::span<const double> sums, double mass) {
  std::optional<std::size_t> cut;
  double below = 0;
  for (std::size_t sum = 0; sum < sums.size(); ++sum) {
    below += sums[sum];
    if (below > mass) break;
    cut = sum;
  }
  return cut;
}

}  // namespace radixbench

#include "watch/finding.h"

#include <algorithm>

namespace radixbench {

void add_ranks(std::vector<Rank>& ranks, std::span<const Rank> more) {
  ranks.insert(ranks.end(), more.begin(), more.end());
  std::ranges::sort(ranks);
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
}

bool overlap(std::span<const Rank> left, std::span<const Rank> right) {
  std::vector<Rank> sorted{right.begin(), right.end()};
  std::ranges::sort(sorted);
  return std::ranges::any_of(left,
                             [&](Rank rank) { return std::ranges::binary_search(sorted, rank); });
}

}  // namespace radixbench

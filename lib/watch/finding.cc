#include "watch/finding.h"

#include <algorithm>

namespace radixbench {

void add_ranks(std::vector<Rank>& ranks, std::span<const Rank> more) {
  ranks.insert(ranks.end(), more.begin(), more.end());
  std::ranges::sort(ranks);
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
}

bool overlap(std::span<const Rank> left, std::span<const Rank> right) {
  return std::ranges::any_of(
      left, [&](Rank rank) { return std::ranges::find(right, rank) != right.end(); });
}

}  // namespace radixbench

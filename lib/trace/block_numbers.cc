#include "trace/block_numbers.h"

#include <limits>

namespace radixbench {
namespace {

constexpr std::uint32_t kNoParent = std::numeric_limits<std::uint32_t>::max();

}  // namespace

void BlockNumbers::append(std::span<const std::uint64_t> ids, std::vector<std::uint32_t>& numbers) {
  std::uint32_t parent = kNoParent;
  std::uint32_t position = 0;
  for (const std::uint64_t id : ids) {
    const auto [entry, is_new] =
        numbers_.try_emplace(id, static_cast<std::uint32_t>(firsts_.size()));
    const std::uint32_t number = entry->second;
    if (is_new) {
      firsts_.push_back({parent, position});
    } else if (firsts_[number].parent != parent || firsts_[number].position != position) {
      ++conflicts_;
    }
    numbers.push_back(number);
    parent = number;
    ++position;
  }
}

}  // namespace radixbench

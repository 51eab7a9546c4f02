#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace radixbench {

// Numbers a trace's block ids densely in order of first use, and notices ids that break their own
// meaning: an id stands for a block and all before it, so it has one parent and one position.
class BlockNumbers {
 public:
  // Appends the numbers of one request's ids.
  void append(std::span<const std::uint64_t> ids, std::vector<std::uint32_t>& numbers);

  [[nodiscard]] std::uint64_t distinct() const { return firsts_.size(); }
  [[nodiscard]] std::uint64_t conflicts() const { return conflicts_; }

 private:
  struct FirstUse {
    std::uint32_t parent;
    std::uint32_t position;
  };

  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;
  std::vector<FirstUse> firsts_;  // by number
  std::uint64_t conflicts_ = 0;
};

}  // namespace radixbench

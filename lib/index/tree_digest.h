#pragma once

#include "index/tree_node.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace radixbench {

// What RadixTree::digest() sums up, kept up to date change by change. A node is known by the hash
// of all pages from the root to its end, so neither ids nor page ids enter. Recency enters as who
// was accessed next after each node: the sum over all such pairs is one order's alone, and trees
// that come to the same order by different ways agree again.
class TreeDigest {
 public:
  // Hash of the path `from` prolonged by one page of `words` 32-bit words.
  static std::uint64_t prolong(std::uint64_t from, const std::uint32_t* page, std::size_t words);
  static std::uint64_t root_path(std::uint32_t name_space);

  void add_newest(std::uint32_t node, std::uint64_t path);
  void add_beside(std::uint32_t upper, std::uint32_t lower, std::uint64_t path);
  void remove(std::uint32_t node);
  void touch(std::uint32_t node);
  // What `node` adds to the sum may have changed.
  void mark(std::uint32_t node);

  [[nodiscard]] std::uint64_t path(std::uint32_t node) const { return entries_[node].path; }
  [[nodiscard]] std::uint64_t value(const NodeArray& nodes);
  // The same from scratch, from what is kept of paths and order.
  [[nodiscard]] std::uint64_t recomputed(const NodeArray& nodes) const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    std::uint64_t path = 0;
    std::uint64_t part = 0;  // of sum_
    std::uint32_t newer = 0;
    std::uint32_t older = 0;
    bool is_live = false;
    bool is_marked = false;
  };

  Entry& entry_of_new(std::uint32_t node, std::uint64_t path);
  void link_newest(std::uint32_t node);
  void unlink(std::uint32_t node);
  [[nodiscard]] std::uint64_t part_of(const NodeArray& nodes, std::uint32_t node) const;

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> marked_;
  std::uint32_t newest_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace radixbench

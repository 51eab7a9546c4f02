#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// Rows of cells, laid out in columns as wide as their widest cell. The first column is
// left-aligned, the others are right-aligned: they hold numbers.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Each line begins with `indent` blanks and ends with a line end, no blanks before it.
  [[nodiscard]] std::string text(std::size_t indent) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// 1,234,567
std::string with_separators(std::uint64_t number);
// Three or four figures and the unit that suits: 950 ns, 12.3 us, 4.56 ms, 1.20 s; "-" for
// negative times, which are missing ones.
std::string duration_text(double ns);
// 12.3 %; "-" where there is nothing to divide by.
std::string share_text(std::uint64_t part, std::uint64_t whole);
// 3.25, or 3 where it is whole.
std::string ratio_text(double value);

}  // namespace radixbench

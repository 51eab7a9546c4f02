#pragma once

#include <string>
#include <vector>

namespace radixbench {

// Rows of words, the heading first, left-aligned in columns as wide as their widest cell and two
// blanks apart. Numbers want lib/report's TextTable.
void append_columns(const std::vector<std::vector<std::string>>& rows, std::string& text);

}  // namespace radixbench

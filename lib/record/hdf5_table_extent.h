#pragma once

#include <cstdint>
#include <string>

namespace radixbench {

// How much of a table there is.
struct TableExtent {
  std::string path;
  std::uint64_t rows_committed = 0;
  std::uint64_t rows_stored = 0;  // of the longest column; more than committed only after a crash
  std::uint64_t rows_dropped = 0;
  std::uint64_t bytes = 0;  // that its columns take in this file
  bool has_equal_columns = true;
};

}  // namespace radixbench

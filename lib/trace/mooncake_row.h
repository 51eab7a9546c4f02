#pragma once

#include "trace/line_reader.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// One row as it stands in the file.
struct MooncakeRow {
  std::int64_t arrival_ns = 0;
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::vector<std::uint64_t> ids;
  bool has_extra_fields = false;
};

struct RowError {
  std::size_t byte = 1;  // within the line, from 1
  std::string what;
};

// Makes rows of lines; keeps its buffers between them.
class MooncakeRowParser {
 public:
  MooncakeRowParser();
  ~MooncakeRowParser();

  // Fills `row`, or says what is wrong with the line; `row` is then of no use.
  std::optional<RowError> parse(const Line& line, MooncakeRow& row);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace radixbench

#pragma once

#include "terminal.h"

#include "replay/replay.h"

#include <cstdint>
#include <string_view>

namespace radixbench {

// Says on stderr how far something is.
class ProgressLine {
 public:
  explicit ProgressLine(ProgressStyle style) : style_{style} {}

  // Whether the next words would be shown; they need not be made otherwise.
  [[nodiscard]] bool is_due() const;
  void show(std::string_view words);
  void show(const ReplayProgress& progress);
  // Before anything else is written to stderr, and at the end.
  void clear();

 private:
  ProgressStyle style_;
  std::int64_t shown_ns_ = 0;
};

}  // namespace radixbench

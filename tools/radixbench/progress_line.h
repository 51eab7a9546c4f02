#pragma once

#include "replay/replay.h"

#include <cstdint>

namespace radixbench {

// One line on stderr that says how far a replay is; silent where stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  void show(const ReplayProgress& progress);
  void clear();

 private:
  bool is_on_;
  std::int64_t shown_ns_ = 0;
};

}  // namespace radixbench

#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "replay/rank_status.h"

#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// How one rank ended, as its supervisor knows it.
struct RankReport {
  Rank rank = 0;
  RankPhase phase = RankPhase::kStarting;  // the last one it reached
  std::optional<Error> error;              // what ended it, in its own words
  std::optional<int> signal;               // it was killed, by a signal that nobody here sent
  bool was_given_up = false;               // it did not end by itself and was ended
  std::vector<std::string> violations;     // of what must hold at the end
};

}  // namespace radixbench

#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "replay/rank_status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// How one rank ended, as its supervisor knows it.
struct RankReport {
  Rank rank = 0;
  RankPhase phase = RankPhase::kStarting;       // the last one it reached
  std::optional<Error> error;                   // what ended it, in its own words
  std::optional<int> signal;                    // it was killed, by a signal that nobody here sent
  std::optional<std::string> words_of_library;  // a library ended it, from a thread of its own
  bool was_given_up = false;                    // it did not end by itself and was ended
  bool was_stopped = false;                     // so it was, as nobody let it go on in time
  std::vector<std::string> violations;          // of what must hold at the end
  std::string unseen;  // why nobody here saw how it ended; empty where somebody did
  // Of ranks that are processes:
  std::optional<int> exit_code;         // it ended by itself, with this
  std::int64_t failed_ns = 0;           // monotonic, when it said `error`; 0 without one
  std::vector<std::string> last_calls;  // what each of its threads called last: site #7 on tp{0,1}
};

}  // namespace radixbench

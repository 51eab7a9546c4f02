#pragma once

#include "watch/call_history.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace radixbench {

// One thread's calls in order, as tokens.
struct CallProgram {
  Rank rank = 0;
  std::vector<std::uint32_t> tokens;     // the first is kProgramStart where nothing came before it
  std::vector<std::uint32_t> positions;  // RankHistory::calls; of the start kNoPosition

  [[nodiscard]] std::size_t index_of(std::uint32_t position) const;
};
constexpr std::uint32_t kProgramStart = ~std::uint32_t{0};
constexpr std::uint32_t kNoPosition = ~std::uint32_t{0};

// What followed before, wherever the same calls had come before.
struct HabitForecast {
  std::vector<std::uint32_t> next;  // tokens, each once; kProgramStart is the end of what is known
  std::size_t support = 0;          // how often
  std::size_t length = 0;           // of the context that was the same
  bool is_own = true;               // from the rank's own history, else from a twin's
  std::vector<std::uint32_t> continuation;  // what followed, the last time and on

  // Enough to hold a call against.
  [[nodiscard]] bool is_strong() const { return support >= 3 || (support >= 1 && length >= 3); }
};

// Ranks of one program repeat themselves and each other. A habit is the longest run of calls that
// was made at least three times before (else the longest at all); what followed it then is what
// ought to follow now. Names play no part.
class CallHabit {
 public:
  explicit CallHabit(const CallHistories& histories) : histories_{histories} {}

  const CallProgram& program(Rank rank, std::uint16_t thread);
  // For the call at `index` of the program, which may be the one after the last. Nothing where the
  // calls before it are new.
  std::optional<HabitForecast> forecast(const CallProgram& program, std::size_t index);
  // The last index up to `index`, at most `window` before it, where the rank did what it had no
  // habit of. Its forecast is strong.
  std::optional<std::size_t> last_departure(const CallProgram& program,
                                            std::size_t index,
                                            std::size_t window);
  // Whether the rank did there what it had no habit of, and never did again.
  bool departs(const CallProgram& program, std::size_t index);

 private:
  static bool is_done_again(const CallProgram& program, std::size_t index, std::size_t length);
  std::vector<Rank> twins(const CallProgram& program, std::uint32_t token);
  const std::vector<std::uint32_t>& vocabulary(Rank rank);

  const CallHistories& histories_;
  std::map<std::pair<Rank, std::uint16_t>, CallProgram> programs_;
  std::map<Rank, std::vector<std::uint32_t>> vocabularies_;
};

}  // namespace radixbench

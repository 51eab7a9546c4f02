#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace radixbench {

// Where a rank decides, from what it alone knows, whether a collective is entered or how often, or
// makes a choice that the tree's content hangs on. A guard that decides differently on two ranks is
// the usual cause of a hang that shows elsewhere. The numbers are written to rings: append, never
// renumber; numbers from kFirstOther on are free for others' guards.
enum class Guard : std::uint16_t {
  kNone = 0,
  kEnterWritingCheck = 1,
  kEnterLoadingCheck = 2,
  kEnterCanTerminate = 3,
  kEnterResultSync = 4,
  kEnterAbortBarrier = 5,
  kExamineWaiting = 6,
  kAdmit = 7,
  kBackUp = 8,
  kStopRun = 9,
  kFirstOther = 256,
};
constexpr std::uint16_t kGuardCount = 10;
// As records and verdicts spell it.
std::string_view to_string(Guard guard);

struct Decision {
  Guard guard = Guard::kNone;
  std::uint16_t site = 0;  // of the call that is guarded, as in Call
  std::uint64_t step = 0;
  std::uint64_t key = 0;  // request, or 0
  // Entered or not, how often, what was chosen: the same on every rank of a replica that is well.
  std::int64_t outcome = 0;
  // What it was decided from, which may differ by rank; meaning depends on the guard.
  std::array<std::int64_t, 4> inputs{};
  std::uint32_t input_count = 0;
};

// Handed to control and engine so that they need not know who listens. Called on the thread that
// decides, before the collective; must not block.
class DecisionSink {
 public:
  virtual ~DecisionSink() = default;
  virtual void decided(const Decision& decision) = 0;
};

}  // namespace radixbench

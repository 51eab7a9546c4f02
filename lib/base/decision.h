#pragma once

#include <array>
#include <cstdint>

namespace radixbench {

// Where control decides, from what one rank knows, whether a collective is entered or how often. A
// guard that decides differently on two ranks is the usual cause of a hang that shows elsewhere.
enum class Guard : std::uint8_t {
  kEnterWritingCheck,
  kEnterLoadingCheck,
  kEnterCanTerminate,
  kEnterResultSync,
  kEnterAbortBarrier,
  kExamineWaiting,
  kStopRun,
};

struct Decision {
  Guard guard;
  std::uint64_t step;
  std::uint64_t key;  // request, or 0
  bool entered;
  std::array<std::int64_t, 3> inputs;  // what it was decided from; meaning depends on the guard
};

// Handed to control and engine so that they need not know who listens. Called on the thread that
// decides, before the collective; must not block.
class DecisionSink {
 public:
  virtual ~DecisionSink() = default;
  virtual void decided(const Decision& decision) = 0;
};

}  // namespace radixbench

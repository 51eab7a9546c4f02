#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "record/rows.h"
#include "record/summary_cell.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// Who hands in samples: each producer is one thread with a queue of its own.
enum class Producer : std::uint8_t { kScheduler, kPrefetch };
constexpr std::size_t kProducerCount = 2;

enum class RankStatus : std::uint8_t { kRunning, kComplete, kAborted, kRecovered };
std::string_view to_string(RankStatus status);
std::string_view to_string(Phase phase);

// Name and value of everything that says how a run came about; options hold defaults too.
using NamedValues = std::vector<std::pair<std::string, std::string>>;

struct RankIdentity {
  std::string run_id;
  Rank rank = 0;
  std::uint32_t world_size = 1;
  std::uint32_t local_rank = 0;
  std::string clock;  // virtual, wall
  NamedValues options;
  NamedValues provenance;
  RunVariables variables = {};
};

// Where a rank's rows go. sample() may be called from its producer's thread inside a timed region:
// it copies into a preallocated queue and never allocates, locks or waits. Everything else comes
// from the scheduler thread, outside timed regions.
class Recorder {
 public:
  virtual ~Recorder() = default;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  virtual void sample(Producer producer, Phase phase, const SampleRow& row) = 0;
  virtual void step(const StepRow& row) = 0;
  virtual void request(const RequestRow& row) = 0;
  virtual void prefetch(const PrefetchRow& row) = 0;
  // Before the first sample of the group.
  virtual void group(const GroupRow& row) = 0;
  // Between steps: in a lossless run (virtual clock) waits until the queues have room for another
  // step; in a wall run returns at once and rows that find a full queue are counted as dropped.
  // Fails with what the writer ran into (disk full, ...).
  virtual Result<void> between_steps() = 0;
  // Has what was handed in until now written out where it survives the process, by `deadline` if
  // that goes. From any thread, also where the process is about to end.
  virtual void save(Deadline deadline) = 0;
  [[nodiscard]] virtual std::uint64_t dropped_count() const = 0;
  // Writes what is queued, the counters and the status, and closes. Nothing may follow.
  virtual Result<void> close(RankStatus status, const std::vector<CounterRow>& counters) = 0;

 protected:
  Recorder() = default;
};

}  // namespace radixbench

#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "control/reports.h"

#include <cstdint>

namespace radixbench {

enum class IterationKind : std::uint8_t { kIdle, kPrefill, kDecode };

struct StepReport {
  std::uint64_t step = 0;
  std::int64_t now_ns = 0;
  std::uint64_t digest = 0;
  std::int64_t blocked_ns = 0;
  std::uint32_t agreements = 0;
  std::uint32_t wire_ops = 0;
  std::uint32_t examined = 0;
  std::uint32_t answered = 0;
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  IterationKind kind = IterationKind::kIdle;
  // Wall clock: how much later the step began than the model's time for the one before allowed.
  std::int64_t late_ns = 0;
};

enum class RequestOutcome : std::uint8_t { kServed, kAborted, kRejected };

// Tokens. Of a served request input == device + host + storage + computed; the next four are shown
// parts of computed.
struct RequestReport {
  RequestId request = 0;
  RequestOutcome outcome = RequestOutcome::kServed;
  std::int64_t arrival_ns = 0;
  std::int64_t admitted_ns = -1;
  std::int64_t finished_ns = -1;
  std::uint64_t admitted_step = 0;
  std::uint32_t input = 0, device = 0, host = 0, storage = 0, computed = 0;
  std::uint32_t last_token = 0;         // hit, but the last token of a prompt is always computed
  std::uint32_t below_page = 0;         // the tail that fills no page
  std::uint32_t load_back_refused = 0;  // on the host, and left there
  std::uint32_t prefetch_cut = 0;       // in storage, and not brought in time
  std::uint32_t output = 0;
};

// What one rank's engine says as it runs; on the scheduler thread, outside timed regions.
class EngineSink {
 public:
  virtual ~EngineSink() = default;
  // First thing in a step, before any call of it.
  virtual void step_began(std::uint64_t step, std::int64_t now_ns) = 0;
  virtual void step_ended(const StepReport& report) = 0;
  virtual void request_ended(const RequestReport& report) = 0;
  // `used`: of report.inserted, tokens that the request that asked found in its prefix.
  virtual void prefetch_ended(const PrefetchReport& report, std::uint32_t used) = 0;
  // May wait, or end the run.
  virtual Result<void> between_steps() = 0;
};

}  // namespace radixbench

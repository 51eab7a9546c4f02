#include "replay_report.h"

#include <fmt/format.h>

namespace radixbench {

std::string replay_table(const ReplayPlan& plan, const ReplayResult& result) {
  const RunSummary& s = result.summary;
  return fmt::format(
      "{} requests {} steps {} agreements {} wire {} agreement p50 {} ns wait p50 {} files {}\n",
      plan.layout.spec(),
      s.requests_served,
      s.steps,
      s.agreements,
      s.wire_ops,
      s.agreement_ns.p50,
      s.wait_ns.p50,
      plan.options.output_directory);
}

}  // namespace radixbench

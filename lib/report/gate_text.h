#pragma once

#include "stats/gate_report.h"

#include <string>

namespace radixbench {

struct GateTextOptions {
  bool is_verbose = false;   // PASS too
  bool is_coloured = false;  // with SGR escapes; words carry the verdict either way
};

// The gate's table for a terminal: worst first, then geometric means, counts, what would have been
// seen, and what to run next. Ends with a line end.
std::string gate_text(const GateReport& report, const GateTextOptions& options);

}  // namespace radixbench

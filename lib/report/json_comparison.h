#pragma once

#include "report/run_comparison.h"

#include <string>

namespace radixbench {

// {"schema": "radixbench.comparison", "schema_version": "1.0.0", "runs": [...], "options": {...},
// "counts": {...}, "measured": {...}}: what run_comparison_text() shows, in full. By run there is a
// list in the order of "runs", with null where a run has no such thing; times are in ns.
std::string run_comparison_json(const RunComparison& comparison);

}  // namespace radixbench

#pragma once

#include "report/json_trace.h"

#include <string>

namespace radixbench {

// An inspection for people. Counts are plain digits, so that they can be searched for and compared.
// Ends with a line end.
std::string trace_table(const TraceInspection& inspection);

}  // namespace radixbench

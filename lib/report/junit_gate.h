#pragma once

#include "stats/gate_report.h"

#include <string>

namespace radixbench {

// The gate as JUnit XML, in the form that Jenkins and its like read: a suite a scenario, a test a
// cell, its time the median of B in seconds where it is one. What fails the gate is a failure,
// ERROR an error; what has no conclusion, could not be compared, or only warns is skipped, with the
// reason.
std::string gate_junit(const GateReport& report);

}  // namespace radixbench

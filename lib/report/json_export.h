#pragma once

#include "stats/gate_launches.h"

#include <string>

namespace radixbench {

// Launches in forms that other tools read. Launches that failed have no values and are left out;
// NaN and infinities, which no JSON has, are null.

// Google Benchmark's: a repetition a launch, a benchmark a cell that is a time. What counts is in
// the counters of the launch's benchmarks. cpu_time, which readers ask for, repeats real_time.
std::string gbench_json(const LaunchSet& set, const std::string& tool_version);

// Bencher's metric format: by what was run, then by metric@stat, the median over the launches with
// the smallest and the largest.
std::string bmf_json(const LaunchSet& set);

// github-action-benchmark's customSmallerIsBetter: medians with half the range. Cells of which more
// is better are left out.
std::string gab_json(const LaunchSet& set);

// An object a line and value, as rows of the CSV.
std::string launches_jsonl(const LaunchSet& set);

}  // namespace radixbench

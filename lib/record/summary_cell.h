#pragma once

#include "base/metric.h"

#include <cstdint>
#include <string>

namespace radixbench {

// What a run was asked to vary, as columns that tables of many runs can be grouped by.
struct RunVariables {
  std::string scenario;  // the trace's name
  std::string layout;    // engine form
  std::int32_t tp = 1, cp = 1, dp = 1, pp = 1;
  std::string rules, agreement, transport, policy, clock;
  std::int32_t page_size = 1;
};

// One row of summary/cells: a metric of one run. Exact ones have a value and n = 1; noisy ones show
// the distribution that they come from, with value = p50.
struct SummaryCell {
  std::string metric;  // e.g. agreement_per_step, wire_ops
  std::string stat;    // what `value` is: p50, total, ...
  std::string unit;    // UDUNITS
  MetricClass metric_class = MetricClass::kNoisy;
  std::int8_t direction = 0;  // -1: less is better, 1: more is better, 0: neither
  std::uint64_t n = 0;
  double value = 0, floor = 0, p50 = 0, p95 = 0, p99 = 0, max = 0, mean = 0, stddev = 0;
  std::uint64_t discarded = 0;  // values that could not be had: a row of some rank is missing
};

}  // namespace radixbench

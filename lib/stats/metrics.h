#pragma once

#include "base/metric.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace radixbench {

// What a metric's values hang on, and so which class they are of.
enum class MetricKind : std::uint8_t {
  kCount,     // options and seed; in a run on the wall clock, timing too
  kRunTime,   // the run's clock: computed on the virtual one, measured on the wall clock
  kWallTime,  // measured in every run
};

struct MetricInfo {
  std::string_view name;      // one that ends in a dot stands for a metric a call site
  std::string_view unit;      // UDUNITS
  std::int8_t direction = 0;  // -1: less is better, 1: more is better, 0: neither
  MetricKind kind = MetricKind::kCount;
  // Raised when the metric comes to mean something else; values of two versions don't compare.
  std::int32_t bench_version = 1;
};

// Every metric that a run's summary has.
std::span<const MetricInfo> metrics();
// Nothing for a name that no run of this version has.
const MetricInfo* find_metric(std::string_view name);

MetricClass class_of(MetricKind kind, bool is_virtual);

// How much worse a metric may get where a rule doesn't say: 0.05 is 5 %.
double default_tolerance(MetricClass metric_class);

// A difference of medians below this is none, where a rule doesn't say. Both ends of an interval
// are read from the clock, on both sides of a comparison; nothing is known of other units.
double default_abs_floor(std::string_view unit, std::int64_t clock_overhead_ns);

}  // namespace radixbench

#include "stats/metrics.h"

#include <algorithm>
#include <array>

namespace radixbench {
namespace {

constexpr double kNoisyTolerance = 0.05;
constexpr std::int64_t kClockReads = 4;

constexpr MetricInfo count(std::string_view name, int direction) {
  return {name, "1", static_cast<std::int8_t>(direction), MetricKind::kCount};
}
constexpr MetricInfo time(std::string_view name, MetricKind kind = MetricKind::kWallTime) {
  return {name, "ns", -1, kind};
}

constexpr auto kMetrics = std::to_array<MetricInfo>({
    count("requests_served", 0),
    count("requests_aborted", 0),
    count("steps", 0),
    count("agreements", -1),
    count("wire_ops", -1),
    count("tokens_input", 0),
    count("tokens_device", 1),
    count("tokens_host", 1),
    count("tokens_storage", 1),
    count("tokens_computed", -1),
    count("prefetch_requested", 0),
    count("prefetch_not_in_storage", 0),
    count("prefetch_below_threshold", 0),
    count("prefetch_cut", -1),
    count("prefetch_existing", -1),
    count("prefetch_aborted", 0),
    count("prefetch_no_room", -1),
    count("prefetch_inserted", 1),
    count("prefetch_used", 1),
    // A step of a rank.
    time("agreement_per_step"),
    time("blocked_per_step"),
    time("drain_per_step"),
    // A step: the slowest rank, and how far it is behind the fastest.
    time("agreement_per_step_max"),
    time("agreement_per_step_skew"),
    time("blocked_per_step_max"),
    time("drain_per_step_max"),
    time("drain_per_step_skew"),
    // An operation: on a rank, and between its first and last rank to come.
    time("wait"),
    time("wire"),
    time("skew"),
    time("confirm_delay", MetricKind::kRunTime),
    count("agreements.", -1),
    count("wire_ops.", -1),
});

}  // namespace

std::span<const MetricInfo> metrics() { return kMetrics; }

const MetricInfo* find_metric(std::string_view name) {
  const auto is_it = [name](const MetricInfo& metric) {
    if (metric.name.back() == '.') {
      return name.size() > metric.name.size() && name.starts_with(metric.name);
    }
    return metric.name == name;
  };
  const auto found = std::find_if(kMetrics.begin(), kMetrics.end(), is_it);
  return found == kMetrics.end() ? nullptr : &*found;
}

MetricClass class_of(MetricKind kind, bool is_virtual) {
  return is_virtual && kind != MetricKind::kWallTime ? MetricClass::kExact : MetricClass::kNoisy;
}

double default_tolerance(MetricClass metric_class) {
  return metric_class == MetricClass::kExact ? 0 : kNoisyTolerance;
}

double default_abs_floor(std::string_view unit, std::int64_t clock_overhead_ns) {
  return unit == "ns" ? static_cast<double>(kClockReads * clock_overhead_ns) : 0;
}

}  // namespace radixbench

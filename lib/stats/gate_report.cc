#include "stats/gate_report.h"

#include <algorithm>
#include <limits>

namespace radixbench {
namespace {

double median_or_nan(const std::vector<double>& values) {
  return values.empty() ? std::numeric_limits<double>::quiet_NaN() : median(values);
}

bool is_for_the_worse(GateVerdict verdict) {
  return verdict == GateVerdict::kRegressed || verdict == GateVerdict::kMissing ||
         verdict == GateVerdict::kError || verdict == GateVerdict::kNondeterministic;
}

// Whether A and B were set against each other.
bool is_compared(GateVerdict verdict) {
  return verdict != GateVerdict::kIncomparable && verdict != GateVerdict::kNew &&
         verdict != GateVerdict::kMissing;
}

}  // namespace

double GateCell::median_a() const { return median_or_nan(a); }
double GateCell::median_b() const { return median_or_nan(b); }

std::size_t GateReport::count(GateVerdict verdict) const {
  return static_cast<std::size_t>(
      std::count_if(cells.begin(), cells.end(), [verdict](const GateCell& cell) {
        return cell.action != GateAction::kTrack && cell.verdict == verdict;
      }));
}

GateEnd end_of(const GateReport& report) {
  bool is_any_compared = false;
  bool is_any_incomparable = false;
  bool is_any_inconclusive = false;
  for (const GateCell& cell : report.cells) {
    is_any_compared = is_any_compared || is_compared(cell.verdict);
    if (cell.action != GateAction::kFail) continue;
    if (cell.verdict == GateVerdict::kMissing && report.options.may_miss) continue;
    if (is_for_the_worse(cell.verdict)) return GateEnd::kWorse;
    is_any_incomparable = is_any_incomparable || cell.verdict == GateVerdict::kIncomparable;
    is_any_inconclusive = is_any_inconclusive || cell.verdict == GateVerdict::kInconclusive;
  }
  if (!is_any_compared) return GateEnd::kNothingComparable;
  if (!report.options.is_conclusion_required) return GateEnd::kFine;
  if (is_any_incomparable) return GateEnd::kNothingComparable;
  return is_any_inconclusive ? GateEnd::kInconclusive : GateEnd::kFine;
}

bool is_decided(const GateReport& report) {
  return std::none_of(report.cells.begin(), report.cells.end(), [](const GateCell& cell) {
    return cell.action != GateAction::kTrack && cell.verdict == GateVerdict::kInconclusive &&
           cell.estimate.has_value();
  });
}

}  // namespace radixbench

#include "report/gate_row.h"

#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

namespace radixbench {
namespace {

// Worst first; what decides the exit code comes before what doesn't.
constexpr std::array kWorstFirst = {GateVerdict::kError,
                                    GateVerdict::kMissing,
                                    GateVerdict::kNondeterministic,
                                    GateVerdict::kRegressed,
                                    GateVerdict::kInconclusive,
                                    GateVerdict::kIncomparable,
                                    GateVerdict::kNew,
                                    GateVerdict::kImproved,
                                    GateVerdict::kPass};

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string value_text(const GateCell& cell, double value) {
  if (!std::isfinite(value)) return "-";
  if (cell.unit == "ns" && value >= 0) return duration_text(value);
  const bool is_whole = std::abs(value - std::round(value)) < 1e-9 && std::abs(value) < 9e15;
  std::string text = is_whole && value >= 0
                         ? with_separators(static_cast<std::uint64_t>(std::llround(value)))
                     : is_whole ? fmt::format("{:.0f}", value)
                                : fmt::format("{:.4g}", value);
  if (!cell.unit.empty() && cell.unit != "1") text += " " + cell.unit;
  return text;
}

std::string exact_change(const GateCell& cell) {
  const double difference = cell.median_b() - cell.median_a();
  if (!std::isfinite(difference)) return "-";
  if (difference == 0) return "=";
  const std::string size = with_separators(static_cast<std::uint64_t>(std::abs(difference)));
  return (difference > 0 ? "+" : "-") + size;
}

std::string bound_text(double share) {
  return std::isfinite(share) ? fmt::format("{:+.1f}", 100 * share) : std::string{"?"};
}

std::string p_text(double p) {
  if (p < 0.0001) return "<0.0001";
  return p < 0.095 ? fmt::format("{:.2g}", p) : fmt::format("{:.2f}", p);
}

std::string size_text(double share) { return fmt::format("{:.3g}%", 100 * share); }

// How far a cell is from a conclusion.
std::string open_text(const GateCell& cell) {
  std::string text;
  if (cell.mde80 && std::isfinite(*cell.mde80)) text = "MDE " + size_text(*cell.mde80);
  if (cell.samples_needed && cell.estimate && *cell.samples_needed > cell.estimate->samples) {
    text += fmt::format("{}~{} {}",
                        text.empty() ? "" : ", ",
                        *cell.samples_needed,
                        cell.estimate->is_paired ? "pairs" : "launches a side");
  }
  return text;
}

// Of a reason what no column shows and open_text() doesn't say.
std::string rest_of_reason(const GateCell& cell) {
  std::string rest;
  for (std::string_view left = cell.reason; !left.empty();) {
    const std::size_t end = std::min(left.find("; "), left.size());
    const std::string_view part = left.substr(0, end);
    left.remove_prefix(std::min(end + 2, left.size()));
    const bool is_shown = part.starts_with("MDE ") || part.starts_with("about ") ||
                          part.starts_with("worse by more than ") ||
                          part.starts_with("better by more than ") || part.ends_with(" exact");
    // Which cell was not quiet is said once, for all.
    const std::string_view words = part.starts_with("noisy_testbed") ? "noisy_testbed" : part;
    if (!is_shown) rest += fmt::format("{}{}", rest.empty() ? "" : "; ", words);
  }
  return rest;
}

std::string note_of(const GateCell& cell) {
  std::string text;
  const bool is_noisy = cell.estimate.has_value();
  if (cell.verdict == GateVerdict::kRegressed && (is_noisy || cell.tolerance > 0)) {
    text = "> " + size_text(cell.tolerance);
  }
  if (cell.verdict == GateVerdict::kImproved && is_noisy) {
    text = "better by > " + size_text(cell.tolerance);
  }
  if (cell.verdict == GateVerdict::kInconclusive) text = open_text(cell);
  const std::string rest = rest_of_reason(cell);
  if (!rest.empty()) text += (text.empty() ? "" : "; ") + rest;
  return text;
}

std::string verdict_text(const GateCell& cell) {
  std::string text{to_string(cell.verdict)};
  if (cell.action == GateAction::kWarn) text += " (warn)";
  if (cell.action == GateAction::kTrack) text += " (track)";
  return text;
}

}  // namespace

std::string percent_text(double share) { return fmt::format("{:+.1f}%", 100 * share); }

std::optional<GateChange> change_of(const GateCell& cell) {
  if (!cell.estimate) return std::nullopt;
  const GateEstimate& is = *cell.estimate;
  // An interval without an end has none as a share either.
  const auto share = [](double cost) { return std::isfinite(cost) ? std::expm1(cost) : cost; };
  if (cell.direction > 0) return GateChange{share(-is.theta), share(-is.hi), share(-is.lo)};
  return GateChange{share(is.theta), share(is.lo), share(is.hi)};
}

GateRow gate_row(const GateCell& cell) {
  GateRow row{.cell = cell_name(cell.key),
              .a = value_text(cell, cell.median_a()),
              .b = value_text(cell, cell.median_b()),
              .change = "-",
              .interval = "-",
              .p = "-",
              .verdict = verdict_text(cell),
              .note = note_of(cell)};
  if (cell.metric_class == MetricClass::kExact) {
    row.change = exact_change(cell);
    row.interval = "exact";
  }
  if (const std::optional<GateChange> change = change_of(cell)) {
    const bool is_bounded = std::isfinite(cell.estimate->lo) && std::isfinite(cell.estimate->hi);
    row.change = percent_text(change->share);
    row.interval = is_bounded
                       ? fmt::format("[{} {}]", bound_text(change->lo), bound_text(change->hi))
                       : "[unbounded]";
    row.p = p_text(cell.p_adjusted);
  }
  return row;
}

bool is_quiet(const GateCell& cell) { return cell.verdict == GateVerdict::kPass; }

bool fails_gate(const GateCell& cell, const GateOptions& options) {
  if (cell.action != GateAction::kFail) return false;
  return cell.verdict == GateVerdict::kRegressed || cell.verdict == GateVerdict::kError ||
         cell.verdict == GateVerdict::kNondeterministic ||
         (cell.verdict == GateVerdict::kMissing && !options.may_miss);
}

std::vector<GateGeomean> gate_geomeans(const GateReport& report) {
  struct Sum {
    double logarithms = 0;
    std::size_t cells = 0;
  };
  std::map<std::string, Sum> sums;
  for (const GateCell& cell : report.cells) {
    const double ratio = cell.median_b() / cell.median_a();
    if (!std::isfinite(ratio) || !(ratio > 0)) continue;
    Sum& sum = sums[cell.key.metric + "@" + cell.key.stat];
    sum.logarithms += std::log(ratio);
    ++sum.cells;
  }
  std::vector<GateGeomean> means;
  means.reserve(sums.size());
  for (const auto& [name, sum] : sums) {
    means.push_back({name, sum.cells, std::exp(sum.logarithms / static_cast<double>(sum.cells))});
  }
  return means;
}

std::vector<GateGeomean> moved_geomeans(const GateReport& report) {
  std::vector<GateGeomean> means = gate_geomeans(report);
  std::erase_if(means, [](const GateGeomean& mean) { return std::abs(mean.ratio - 1) < 5e-4; });
  return means;
}

std::string shared_beginning(const std::vector<GateRow>& rows) {
  if (rows.empty()) return "";
  const std::string& first = rows.front().cell;
  const std::size_t end = first.find("::");
  if (end == std::string::npos) return "";
  std::string beginning = first.substr(0, end + 2);
  const bool is_shared = std::ranges::all_of(
      rows, [&](const GateRow& row) { return row.cell.starts_with(beginning); });
  return is_shared ? beginning : "";
}

std::string gate_counts_text(const GateReport& report) {
  std::string text;
  for (const GateVerdict verdict : kWorstFirst) {
    const std::size_t count = report.count(verdict);
    if (count == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(verdict));
  }
  const auto tracked = std::ranges::count(report.cells, GateAction::kTrack, &GateCell::action);
  if (tracked > 0) text += fmt::format("{}{} tracked", text.empty() ? "" : "; ", tracked);
  return text.empty() ? "nothing was compared" : text;
}

std::string gate_sensitivity_text(const GateReport& report) {
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  std::size_t cells = 0;
  std::size_t unbounded = 0;
  for (const GateCell& cell : report.cells) {
    if (!cell.mde80) continue;
    if (!std::isfinite(*cell.mde80)) {
      ++unbounded;
      continue;
    }
    least = std::min(least, *cell.mde80);
    most = std::max(most, *cell.mde80);
    ++cells;
  }
  if (cells == 0) return unbounded == 0 ? "" : "too few launches to tell what would have been seen";
  const std::string range =
      cells == 1 ? size_text(most) : fmt::format("{} to {}", size_text(least), size_text(most));
  return fmt::format("slowdown that 80 of 100 such runs would show (MDE80): {} over {}",
                     range,
                     plural(cells, "noisy cell"));
}

std::string gate_self_check_text(const GateReport& report) {
  if (!report.self_check) return "";
  if (report.self_check->is_quiet) return "A against itself: quiet";
  return "A against itself: not quiet, " + report.self_check->reason;
}

std::string gate_setting_text(const GateReport& report) {
  std::size_t samples = 0;
  for (const GateCell& cell : report.cells) {
    if (cell.estimate) samples = std::max(samples, cell.estimate->samples);
  }
  std::string text = report.is_paired ? "paired" : "unpaired";
  if (samples > 0) {
    text +=
        ", " + (report.is_paired
                    ? plural(samples, "pair")
                    : fmt::format("{} a side",
                                  fmt::format("{} launch{}", samples, samples == 1 ? "" : "es")));
  }
  text += fmt::format(", alpha {:g}", report.options.alpha);
  if (report.options.looks > 1) {
    text += fmt::format(", look {} of {}", report.looks_taken, report.options.looks);
  }
  return text;
}

std::string gate_end_text(const GateReport& report) {
  switch (end_of(report)) {
    case GateEnd::kFine: return "PASSED";
    case GateEnd::kWorse: return "FAILED";
    case GateEnd::kNothingComparable: return "NOTHING COMPARABLE";
    case GateEnd::kInconclusive: return "INCONCLUSIVE";
  }
  return "FAILED";
}

GateVerdict worst_verdict(const GateReport& report) {
  for (const GateVerdict verdict : kWorstFirst) {
    const bool is_there = std::ranges::any_of(report.cells, [&](const GateCell& cell) {
      return cell.action == GateAction::kFail && cell.verdict == verdict;
    });
    if (is_there) return verdict;
  }
  return GateVerdict::kPass;
}

std::string gate_advice(const GateReport& report) {
  const auto has = [&](GateVerdict verdict) { return report.count(verdict) > 0; };
  if (has(GateVerdict::kError)) return "see why launches failed before anything else";
  if (has(GateVerdict::kNondeterministic)) {
    return "find what makes an exact count vary: radixbench replay twice with one seed, then "
           "radixbench compare";
  }
  if (has(GateVerdict::kMissing)) {
    return "run what is missing, or accept its going: radixbench baseline save";
  }
  if (has(GateVerdict::kRegressed))
    return "radixbench ab --keep-runs, then radixbench compare on a pair: which counts and times "
           "moved";
  if (report.self_check && !report.self_check->is_quiet && has(GateVerdict::kInconclusive)) {
    return "times need a quieter machine; counts were judged all the same";
  }
  std::size_t needed = 0;
  for (const GateCell& cell : report.cells) {
    if (cell.action != GateAction::kTrack && cell.verdict == GateVerdict::kInconclusive &&
        cell.samples_needed) {
      needed = std::max(needed, *cell.samples_needed);
    }
  }
  if (needed > 0 && report.is_paired) {
    return fmt::format("for a conclusion: radixbench ab --pairs {}", needed);
  }
  if (needed > 0) return "for a conclusion: radixbench ab, whose pairs need fewer launches";
  if (has(GateVerdict::kIncomparable)) {
    return "compare on one machine: radixbench ab runs both sides on it";
  }
  return "";
}

}  // namespace radixbench

#pragma once

#include "stats/gate_report.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {

inline CellKey gate_key(std::string metric,
                        std::string stat,
                        std::string layout = "sglang:tp=8,cp=2") {
  return {.scenario = "sharegpt-1k",
          .layout = std::move(layout),
          .tp = 4,
          .cp = 2,
          .dp = 1,
          .pp = 1,
          .rules = "fixed",
          .agreement = "attn_groups",
          .transport = "shm",
          .policy = "timeout",
          .clock = "virtual",
          .page_size = 64,
          .metric = std::move(metric),
          .stat = std::move(stat)};
}

// A time of ten pairs, B slower than A by `slowdown` in every one, with an interval of as much to
// both sides as `spread`.
inline GateCell made_up_time(GateVerdict verdict, double slowdown, double spread = 0.02) {
  GateCell cell;
  cell.key = gate_key("agreement_per_step", "p50");
  cell.unit = "ns";
  cell.direction = -1;
  cell.rule = "default";
  cell.tolerance = 0.05;
  for (int i = 0; i < 10; ++i) {
    cell.a.push_back(212'000 + 10 * i);
    cell.b.push_back(std::round(cell.a.back() * (1 + slowdown)));
  }
  cell.verdict = verdict;
  cell.estimate = GateEstimate{.theta = std::log1p(slowdown),
                               .lo = std::log1p(slowdown - spread),
                               .hi = std::log1p(slowdown + spread),
                               .p_reg = 0.001,
                               .p_imp = 1,
                               .p_pass = 1,
                               .p_attainable = 1.0 / 1024,
                               .delta = std::log1p(0.05),
                               .confidence = 0.95,
                               .samples = 10,
                               .is_paired = true};
  cell.p_adjusted = verdict == GateVerdict::kRegressed ? 0.003 : 0.91;
  cell.mde80 = 0.074;
  cell.samples_needed = 16;
  return cell;
}

inline GateCell made_up_count(GateVerdict verdict, double a, double b) {
  GateCell cell;
  cell.key = gate_key("wire_ops", "total");
  cell.unit = "1";
  cell.metric_class = MetricClass::kExact;
  cell.direction = -1;
  cell.rule = "default";
  cell.a.assign(10, a);
  cell.b.assign(10, b);
  cell.verdict = verdict;
  return cell;
}

inline GateReport made_up_report(std::vector<GateCell> cells) {
  GateReport report;
  report.label_a = "runs/before";
  report.label_b = "runs/after";
  report.fingerprint_a = {{"cpu_model", "Xeon"}, {"cores", "2"}};
  report.fingerprint_b = {{"cpu_model", "Xeon"}, {"cores", "2"}};
  report.cells = std::move(cells);
  return report;
}

// Of every verdict one.
inline GateReport report_of_all_verdicts() {
  std::vector<GateCell> cells;
  const auto add = [&](GateCell cell, const char* metric, std::string reason) {
    cell.key.metric = metric;
    cell.reason = std::move(reason);
    cells.push_back(std::move(cell));
  };
  GateCell lost = made_up_count(GateVerdict::kMissing, 5, 0);
  lost.b.clear();
  GateCell crashed = made_up_time(GateVerdict::kError, 0);
  crashed.b.clear();
  crashed.estimate.reset();
  GateCell unbounded = made_up_time(GateVerdict::kInconclusive, 0.02);
  unbounded.estimate->lo = -std::numeric_limits<double>::infinity();
  unbounded.estimate->hi = std::numeric_limits<double>::infinity();
  unbounded.mde80 = std::numeric_limits<double>::infinity();
  unbounded.samples_needed.reset();
  GateCell fresh = made_up_count(GateVerdict::kNew, 0, 7);
  fresh.a.clear();
  add(crashed, "drain_per_step", "launch 3 of B: rank 2 hung");
  add(lost, "rows_dropped", "the baseline has it");
  add(made_up_count(GateVerdict::kNondeterministic, 4, 5), "evictions", "4 or 5 within A");
  add(made_up_time(GateVerdict::kRegressed, 0.146, 0.035), "agreement_per_step", "");
  add(made_up_count(GateVerdict::kRegressed, 4096, 4608), "wire_ops", "");
  add(made_up_time(GateVerdict::kInconclusive, 0.023, 0.044), "wait", "");
  add(unbounded, "confirm_delay", "need 7 pairs");
  add(made_up_time(GateVerdict::kIncomparable, 0), "wire", "cpu_model differs: Xeon, EPYC");
  add(fresh, "tokens.host", "the baseline lacks it");
  add(made_up_time(GateVerdict::kImproved, -0.2), "blocked_per_step", "");
  add(made_up_time(GateVerdict::kPass, 0.001), "skew", "");
  return made_up_report(std::move(cells));
}

// More than any comment has room for.
inline GateReport report_of_many_cells(std::size_t count) {
  std::vector<GateCell> cells;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_worse = i % 50 == 0;
    cells.push_back(made_up_time(is_worse ? GateVerdict::kRegressed : GateVerdict::kPass,
                                 is_worse ? 0.2 : 0.001));
    cells.back().key.layout = fmt::format("sglang:tp={}", i);
  }
  return made_up_report(std::move(cells));
}

}  // namespace radixbench

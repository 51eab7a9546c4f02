#pragma once

#include "stats/gate_report.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace radixbench {

// A cell of the gate in words, as every table for people shows it; plain text, nothing escaped.
struct GateRow {
  std::string cell;
  std::string a, b;      // medians; "-" where there is none
  std::string change;    // of the value, whichever way is better: +14.6%, +512
  std::string interval;  // [+11.0 +18.3]; "exact" of exact cells
  std::string p;         // after Holm
  std::string verdict;   // its slug, and (warn) or (track) where it decides nothing
  std::string note;      // what it rests on: > 5%, or how far from a conclusion it is
};
GateRow gate_row(const GateCell& cell);

// Whether a table may leave it out unless asked for everything: nothing changed, nothing is open.
bool is_quiet(const GateCell& cell);

// Whether the gate fails because of it.
bool fails_gate(const GateCell& cell, const GateOptions& options);

// What the names of all rows begin with, up to "::" and with it; empty where they differ in it.
std::string shared_beginning(const std::vector<GateRow>& rows);

// Of all cells of one metric and statistic, the geometric mean of B over A.
struct GateGeomean {
  std::string name;  // metric@stat
  std::size_t cells = 0;
  double ratio = 1;
};
std::vector<GateGeomean> gate_geomeans(const GateReport& report);
// Those of them that moved, for tables that say how many others did not.
std::vector<GateGeomean> moved_geomeans(const GateReport& report);

// 1 REGRESSED, 2 INCONCLUSIVE, 40 PASS; 3 tracked. "nothing was compared" of none.
std::string gate_counts_text(const GateReport& report);
// What slowdown would have been seen; empty where no noisy cell was judged.
std::string gate_sensitivity_text(const GateReport& report);
// Against A', where it ran.
std::string gate_self_check_text(const GateReport& report);
// How A and B were set side by side: pairs, tolerance inside the test, labels.
std::string gate_setting_text(const GateReport& report);
// PASSED, FAILED, NOTHING COMPARABLE, INCONCLUSIVE: the whole gate in one word or two.
std::string gate_end_text(const GateReport& report);

// The verdict that decides: of the failing cells the worst; PASS where there are none.
GateVerdict worst_verdict(const GateReport& report);

// What to do about it, as a command or a sentence; empty where nothing is to be done.
std::string gate_advice(const GateReport& report);

// +14.6%, of 0.146.
std::string percent_text(double share);
// Change of the value, and its interval, as shares: theta turned round where more is better.
struct GateChange {
  double share = 0, lo = 0, hi = 0;
};
std::optional<GateChange> change_of(const GateCell& cell);

}  // namespace radixbench

#pragma once

#include "record/hdf5_master.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace radixbench {

struct ComparedRun {
  std::string label;  // where it was found
  MasterData data;
};

// One of the runs, as the comparison calls it.
struct ComparedName {
  std::string name;  // A, B, ...
  std::string label, run_id;
  RunVariables variables;
  std::size_t ranks_missing = 0, ranks_cut_off = 0;
};

// Values of one thing, by run; nothing where a run does not have it.
template <typename Value>
struct ComparedRow {
  std::string name;
  std::vector<std::optional<Value>> by_run;
};

// Runs side by side, the first being what the others are set against. It describes and decides
// nothing.
struct RunComparison {
  std::vector<ComparedName> runs;
  std::vector<ComparedRow<std::string>> options;   // that differ
  std::vector<ComparedRow<std::uint64_t>> counts;  // exact, over all ranks, that differ
  std::vector<ComparedRow<SummaryCell>> cells;     // what was measured
  std::size_t options_equal = 0, counts_equal = 0;
};

// Two runs at least.
RunComparison compare_runs(std::span<const ComparedRun> runs);

// Median over median; nothing where one is missing or zero.
std::optional<double> median_ratio(const std::optional<SummaryCell>& from,
                                   const std::optional<SummaryCell>& to);

std::string run_comparison_text(const RunComparison& comparison);
// GitHub-flavoured.
std::string run_comparison_markdown(const RunComparison& comparison);
// kind (option, count, measured), name, unit, stat, then a column a run; nanoseconds.
std::string run_comparison_csv(const RunComparison& comparison);

}  // namespace radixbench

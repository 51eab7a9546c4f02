#pragma once

#include "base/result.h"
#include "study/axis.h"
#include "study/skip_rule.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// More cells than this are a slip of the finger: each is at least one run.
constexpr std::size_t kSweepCellsMax = 100'000;

// Axes that are no option of a replay: together they spell its layout, tpTcpCdpDppP.
bool is_layout_axis(std::string_view name);

// One run of a sweep, or one that is left out.
struct SweepCell {
  std::size_t number = 0;                                    // from 0, the last axis fastest
  std::vector<std::pair<std::string, std::string>> values;   // axis and value, in order of axes
  std::vector<std::pair<std::string, std::string>> options;  // what they set: option and value
  std::uint32_t ranks = 0;                                   // 0 where the layout isn't valid
  std::string skip_reason;                                   // empty: it is to be run
};

struct SweepDefinition {
  std::vector<Axis> axes;
  std::vector<SkipRule> skip_rules;
  // Every option of the replay by name, with what it has where no axis sets it; layout among them.
  std::vector<std::pair<std::string, std::string>> options;
  std::optional<std::uint32_t> ranks_max;  // cells with more ranks are skipped
  std::uint32_t cores = 1;
};

// All combinations of the axes' values. Cells whose layout breaks a rule, that have too many ranks
// or that a rule skips have a reason. Rules see every option (with '_' for '-', axes set), tp, cp,
// dp and pp (attention TP, attention CP, replicas, stages), ranks, cores and world (ranks_max, or
// else cores). kInvalidArgument: an axis twice, axes that set the same option, a value that is no
// layout, a rule that fails, too many cells.
Result<std::vector<SweepCell>> expand_cells(const SweepDefinition& sweep);

}  // namespace radixbench

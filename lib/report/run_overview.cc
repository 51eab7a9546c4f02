#include "report/run_overview.h"

#include "report/markdown_text.h"
#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace radixbench {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string value_text(const SummaryCell& cell, double value) {
  if (cell.n == 0) return "-";
  if (cell.unit == "ns") return duration_text(value);
  if (value >= 0 && std::abs(value - std::round(value)) < 1e-9) {
    return with_separators(static_cast<std::uint64_t>(std::llround(value)));
  }
  return ratio_text(value);
}

Rows measured_rows(const MasterData& run) {
  Rows rows{{"measured", "p50", "p95", "p99", "max", "of", "missing"}};
  for (const SummaryCell& cell : run.cells) {
    if (cell.metric_class != MetricClass::kNoisy) continue;
    rows.push_back({cell.metric,
                    value_text(cell, cell.p50),
                    value_text(cell, cell.p95),
                    value_text(cell, cell.p99),
                    value_text(cell, cell.max),
                    with_separators(cell.n),
                    cell.discarded == 0 ? "" : with_separators(cell.discarded)});
  }
  return rows;
}

Rows counted_rows(const MasterData& run) {
  struct Sum {
    std::uint64_t value = 0;
    std::set<Rank> ranks;
  };
  std::vector<std::string> names;
  std::map<std::string, Sum> sums;
  for (const RankCounter& counter : run.counters) {
    const std::string& name = counter.counter.name;
    if (!sums.contains(name)) names.push_back(name);
    Sum& sum = sums[name];
    sum.value += counter.counter.value;
    sum.ranks.insert(counter.rank);
  }
  Rows rows{{"counted", "over all ranks", "of ranks"}};
  for (const std::string& name : names) {
    const Sum& sum = sums.at(name);
    rows.push_back({name,
                    with_separators(sum.value),
                    fmt::format("{} of {}", sum.ranks.size(), run.rank_files.size())});
  }
  return rows;
}

std::string heading_of(const MasterData& run) {
  const RunVariables& is = run.variables;
  return fmt::format("{} on {}, agreement {}, rules {}, {}, {} clock, page size {}",
                     is.scenario,
                     is.layout,
                     is.agreement,
                     is.rules,
                     is.transport,
                     is.clock,
                     is.page_size);
}

// What keeps the figures from being those of a whole run.
std::vector<std::string> holes_of(const RunOverview& overview) {
  std::vector<std::string> holes;
  for (const RankFileEntry& file : overview.run.rank_files) {
    if (!file.is_readable) {
      holes.push_back(fmt::format(
          "rank {}: {} could not be read: its values are missing, not zero", file.rank, file.file));
    } else if (std::ranges::find(overview.gone, file.file) != overview.gone.end()) {
      holes.push_back(fmt::format(
          "rank {}: {} is gone: its rows are in the figures here and can't be looked at any more",
          file.rank,
          file.file));
    } else if (file.status != RankStatus::kComplete) {
      holes.push_back(fmt::format("rank {}: {} did not come to its end", file.rank, file.file));
    }
  }
  return holes;
}

std::string text_of(const Rows& rows) {
  TextTable table{rows.front()};
  for (std::size_t i = 1; i < rows.size(); ++i) table.add(rows[i]);
  return table.text(0);
}

}  // namespace

std::string run_overview_text(const RunOverview& overview) {
  const MasterData& run = overview.run;
  std::string text = fmt::format(
      "run {}, {} ranks\n{}\n", run.identity.run_id, run.identity.world_size, heading_of(run));
  for (const std::string& hole : holes_of(overview)) text += "MISSING  " + hole + "\n";
  return text + "\n" + text_of(measured_rows(run)) + "\n" + text_of(counted_rows(run));
}

std::string run_overview_markdown(const RunOverview& overview) {
  const MasterData& run = overview.run;
  std::string text =
      fmt::format("<!-- radixbench:run:{} -->\n### radixbench run {}, {} ranks\n\n{}\n",
                  markdown_id(run.identity.run_id),
                  markdown_text(run.identity.run_id),
                  run.identity.world_size,
                  markdown_text(heading_of(run)));
  for (const std::string& hole : holes_of(overview)) {
    text += "\n- **missing** " + markdown_text(hole);
  }
  return text + "\n\n" + markdown_table(measured_rows(run)) +
         "\n<details><summary>counts</summary>\n\n" + markdown_table(counted_rows(run)) +
         "\n</details>\n";
}

}  // namespace radixbench

#include "report/run_comparison.h"

#include "base/check.h"
#include "report/markdown_text.h"
#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace radixbench {
namespace {

// In the order in which the runs first name them.
template <typename Value>
class Gathered {
 public:
  explicit Gathered(std::size_t runs) : runs_{runs} {}

  std::optional<Value>& at(const std::string& name, std::size_t run) {
    const auto [place, is_new] = index_.try_emplace(name, rows_.size());
    if (is_new) rows_.push_back({name, std::vector<std::optional<Value>>(runs_)});
    return rows_[place->second].by_run[run];
  }
  [[nodiscard]] std::vector<ComparedRow<Value>> rows() && { return std::move(rows_); }

 private:
  std::size_t runs_;
  std::map<std::string, std::size_t> index_;
  std::vector<ComparedRow<Value>> rows_;
};

// What says where a run's files lie differs always and tells nothing.
bool is_of_the_run(const std::string& name) {
  return name == "output" || name == "run_id" || name == "argv";
}

template <typename Value>
std::size_t take_equal_out(std::vector<ComparedRow<Value>>& rows) {
  return std::erase_if(rows, [](const ComparedRow<Value>& row) {
    return std::ranges::all_of(row.by_run,
                               [&](const auto& value) { return value == row.by_run.front(); });
  });
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kBytesMax = 34;
  return text.size() <= kBytesMax ? text : "..." + text.substr(text.size() - kBytesMax + 3);
}

// How a value stands to the first run's: "+512", "1.15x", or nothing to say.
std::string difference_text(std::optional<std::uint64_t> from, std::optional<std::uint64_t> to) {
  if (!from || !to) return "-";
  if (*from == *to) return "=";
  return *to > *from ? "+" + with_separators(*to - *from) : "-" + with_separators(*from - *to);
}

std::string cell_text(const SummaryCell& cell, double value) {
  if (cell.n == 0) return "-";
  if (cell.unit == "ns") return duration_text(value);
  if (value >= 0 && std::abs(value - std::round(value)) < 1e-9) {
    return with_separators(static_cast<std::uint64_t>(std::llround(value)));
  }
  return ratio_text(value);
}

using TextRows = std::vector<std::vector<std::string>>;

// The tables of a comparison, as words.
class ComparisonTables {
 public:
  explicit ComparisonTables(const RunComparison& comparison) : is_{comparison} {}

  [[nodiscard]] TextRows options() const {
    TextRows rows{heading("options that differ")};
    for (const auto& [name, by_run] : is_.options) {
      std::vector<std::string> row{name};
      for (const auto& value : by_run) row.push_back(value ? shortened(*value) : "-");
      rows.push_back(std::move(row));
    }
    return rows;
  }

  [[nodiscard]] TextRows counts() const {
    TextRows rows{heading("exact counts that differ, all ranks")};
    for (std::size_t run = 1; run < is_.runs.size(); ++run) {
      rows.front().push_back(is_.runs[run].name + " - A");
    }
    for (const auto& [name, by_run] : is_.counts) {
      std::vector<std::string> row{name};
      for (const auto& value : by_run) row.push_back(value ? with_separators(*value) : "-");
      for (std::size_t run = 1; run < by_run.size(); ++run) {
        row.push_back(difference_text(by_run[0], by_run[run]));
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  [[nodiscard]] TextRows cells() const {
    TextRows rows{heading("measured, medians")};
    for (std::size_t run = 1; run < is_.runs.size(); ++run) {
      rows.front().push_back(is_.runs[run].name + " / A");
    }
    for (const ComparedName& run : is_.runs) rows.front().push_back("p95 " + run.name);
    for (const auto& [name, by_run] : is_.cells) {
      std::vector<std::string> row{name};
      for (const auto& cell : by_run) row.push_back(cell ? cell_text(*cell, cell->p50) : "-");
      for (std::size_t run = 1; run < by_run.size(); ++run) {
        const std::optional<double> ratio = median_ratio(by_run[0], by_run[run]);
        row.push_back(ratio ? fmt::format("{:.3f}x", *ratio) : "-");
      }
      for (const auto& cell : by_run) row.push_back(cell ? cell_text(*cell, cell->p95) : "-");
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  [[nodiscard]] std::vector<std::string> heading(const std::string& first) const {
    std::vector<std::string> row{first};
    for (const ComparedName& run : is_.runs) row.push_back(run.name);
    return row;
  }

  const RunComparison& is_;
};

std::string table_text(const TextRows& rows) {
  TextTable table{rows.front()};
  for (std::size_t i = 1; i < rows.size(); ++i) table.add(rows[i]);
  return table.text(0);
}

// Whether all are equal, or how many others are.
std::string equal_text(std::size_t different, std::size_t equal, const char* what) {
  if (different == 0) return fmt::format("all {} {} are equal", equal, what);
  return fmt::format("({} other {} are equal)", equal, what);
}

constexpr const char* kCaution =
    "One launch of each is set side by side: a description, not a verdict. Times of one launch "
    "vary\nby more than most changes are worth.\n";

// Each is what a run lacks, in a sentence.
std::vector<std::string> holes_of(const RunComparison& comparison) {
  std::vector<std::string> holes;
  for (const ComparedName& run : comparison.runs) {
    if (run.ranks_missing > 0) {
      holes.push_back(fmt::format("{} lacks the files of {} ranks", run.name, run.ranks_missing));
    }
    if (run.ranks_cut_off > 0) {
      holes.push_back(
          fmt::format("{} did not run to its end on {} ranks", run.name, run.ranks_cut_off));
    }
  }
  return holes;
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string{"\"\""} : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::optional<double> median_ratio(const std::optional<SummaryCell>& from,
                                   const std::optional<SummaryCell>& to) {
  const bool is_there = from && to && from->n > 0 && to->n > 0 && from->p50 > 0;
  return is_there ? std::optional{to->p50 / from->p50} : std::nullopt;
}

RunComparison compare_runs(std::span<const ComparedRun> runs) {
  RADIXBENCH_CHECK(runs.size() >= 2);
  RunComparison comparison;
  Gathered<std::string> options{runs.size()};
  Gathered<std::uint64_t> counts{runs.size()};
  Gathered<SummaryCell> cells{runs.size()};
  for (std::size_t run = 0; run < runs.size(); ++run) {
    const MasterData& data = runs[run].data;
    ComparedName name{std::string(1, static_cast<char>('A' + run % 26)),
                      runs[run].label,
                      data.identity.run_id,
                      data.variables};
    for (const auto& [option, value] : data.identity.options) {
      if (!is_of_the_run(option)) options.at(option, run) = value;
    }
    for (const auto& [fact, value] : data.identity.provenance) {
      if (fact == "trace_sha256") options.at(fact, run) = value.substr(0, 16);
    }
    for (const RankCounter& counter : data.counters) {
      auto& sum = counts.at(counter.counter.name, run);
      sum = sum.value_or(0) + counter.counter.value;
    }
    for (const SummaryCell& cell : data.cells) {
      if (cell.metric_class == MetricClass::kNoisy) cells.at(cell.metric, run) = cell;
    }
    for (const RankFileEntry& file : data.rank_files) {
      name.ranks_missing += file.is_readable ? 0U : 1U;
      name.ranks_cut_off += file.is_readable && file.status != RankStatus::kComplete ? 1U : 0U;
    }
    comparison.runs.push_back(std::move(name));
  }
  comparison.options = std::move(options).rows();
  comparison.counts = std::move(counts).rows();
  comparison.cells = std::move(cells).rows();
  comparison.options_equal = take_equal_out(comparison.options);
  comparison.counts_equal = take_equal_out(comparison.counts);
  return comparison;
}

std::string run_comparison_text(const RunComparison& comparison) {
  const ComparisonTables tables{comparison};
  std::string text;
  for (const ComparedName& run : comparison.runs) {
    text += fmt::format("{}  {}, run {}\n   {}, agreement {}, rules {}, {}, {} clock\n",
                        run.name,
                        run.label,
                        run.run_id,
                        run.variables.layout,
                        run.variables.agreement,
                        run.variables.rules,
                        run.variables.transport,
                        run.variables.clock);
  }
  const auto section = [](const TextRows& rows, std::size_t equal, const char* what) {
    const std::string words = equal_text(rows.size() - 1, equal, what);
    return rows.size() == 1 ? "\n" + words + "\n" : "\n" + table_text(rows) + words + "\n";
  };
  text += section(tables.options(), comparison.options_equal, "options");
  text += section(tables.counts(), comparison.counts_equal, "counts");
  text += "\n" + table_text(tables.cells()) + "\n" + kCaution;
  for (const std::string& hole : holes_of(comparison)) text += hole + "\n";
  return text;
}

std::string run_comparison_markdown(const RunComparison& comparison) {
  const ComparisonTables tables{comparison};
  TextRows runs{{"run", "label", "layout", "agreement", "rules", "transport", "clock"}};
  for (const ComparedName& run : comparison.runs) {
    runs.push_back({run.name,
                    run.label,
                    run.variables.layout,
                    run.variables.agreement,
                    run.variables.rules,
                    run.variables.transport,
                    run.variables.clock});
  }
  std::string text = "### radixbench compare\n\n" + markdown_table(runs);
  const auto section = [](const TextRows& rows, std::size_t equal, const char* what) {
    const std::string words = equal_text(rows.size() - 1, equal, what);
    return "\n" + (rows.size() == 1 ? "" : markdown_table(rows) + "\n") + words + "\n";
  };
  text += section(tables.options(), comparison.options_equal, "options");
  text += section(tables.counts(), comparison.counts_equal, "counts");
  text += "\n" + markdown_table(tables.cells()) + "\n" + kCaution;
  for (const std::string& hole : holes_of(comparison)) text += "\n- " + markdown_text(hole);
  return text + (text.ends_with('\n') ? "" : "\n");
}

std::string run_comparison_csv(const RunComparison& comparison) {
  std::string text = "kind,name,unit,stat";
  for (const ComparedName& run : comparison.runs) text += "," + csv_text(run.label);
  text += "\n";
  for (const auto& [name, by_run] : comparison.options) {
    text += fmt::format("option,{},,", csv_text(name));
    for (const auto& value : by_run) text += "," + csv_text(value.value_or(""));
    text += "\n";
  }
  for (const auto& [name, by_run] : comparison.counts) {
    text += fmt::format("count,{},1,total", csv_text(name));
    for (const auto& value : by_run) text += "," + (value ? std::to_string(*value) : "");
    text += "\n";
  }
  for (const auto& [name, by_run] : comparison.cells) {
    const auto known = std::ranges::find_if(by_run, [](const auto& v) { return v.has_value(); });
    for (const auto& [stat, member] : {std::pair{"p50", &SummaryCell::p50},
                                       std::pair{"p95", &SummaryCell::p95},
                                       std::pair{"p99", &SummaryCell::p99}}) {
      text += fmt::format("measured,{},{},{}", csv_text(name), csv_text((*known)->unit), stat);
      for (const auto& cell : by_run) {
        text += "," + (cell && cell->n > 0 ? fmt::format("{}", (*cell).*member) : "");
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace radixbench

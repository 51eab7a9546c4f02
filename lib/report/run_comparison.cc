#include "report/run_comparison.h"

#include "base/check.h"
#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

namespace radixbench {
namespace {

// Values of one thing, by run; nullopt where a run does not have it.
template <typename Value>
using ByRun = std::vector<std::optional<Value>>;

// In the order in which the runs first name them.
template <typename Value>
class Gathered {
 public:
  explicit Gathered(std::size_t runs) : runs_{runs} {}

  std::optional<Value>& at(const std::string& name, std::size_t run) {
    const auto [place, is_new] = index_.try_emplace(name, rows_.size());
    if (is_new) rows_.push_back({name, ByRun<Value>(runs_)});
    return rows_[place->second].second[run];
  }
  [[nodiscard]] const std::vector<std::pair<std::string, ByRun<Value>>>& rows() const {
    return rows_;
  }

 private:
  std::size_t runs_;
  std::map<std::string, std::size_t> index_;
  std::vector<std::pair<std::string, ByRun<Value>>> rows_;
};

template <typename Value>
bool is_equal(const ByRun<Value>& values) {
  return std::all_of(
      values.begin(), values.end(), [&](const auto& value) { return value == values.front(); });
}

std::string name_of(std::size_t run) { return std::string(1, static_cast<char>('A' + run % 26)); }

std::vector<std::string> heading(const std::string& first, std::size_t runs) {
  std::vector<std::string> row{first};
  for (std::size_t run = 0; run < runs; ++run) row.push_back(name_of(run));
  return row;
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

std::string ratio_of(double from, double to) {
  if (!(from > 0)) return "-";
  return fmt::format("{:.3f}x", to / from);
}

class Comparison {
 public:
  explicit Comparison(std::span<const ComparedRun> runs) : runs_{runs} {}

  std::string text() const { return names() + options() + counts() + cells() + warnings(); }

 private:
  [[nodiscard]] std::string names() const {
    std::string text;
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const RunVariables& is = runs_[run].data.variables;
      text += fmt::format("{}  {}, run {}\n   {}, agreement {}, rules {}, {}, {} clock\n",
                          name_of(run),
                          runs_[run].label,
                          runs_[run].data.identity.run_id,
                          is.layout,
                          is.agreement,
                          is.rules,
                          is.transport,
                          is.clock);
    }
    return text;
  }

  // What says where a run's files lie differs always and tells nothing.
  static bool is_of_the_run(const std::string& name) {
    return name == "output" || name == "run_id" || name == "argv";
  }

  [[nodiscard]] std::string options() const {
    Gathered<std::string> options{runs_.size()};
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const NamedValues& values = runs_[run].data.identity.options;
      for (const auto& [name, value] : values) {
        if (!is_of_the_run(name)) options.at(name, run) = value;
      }
      for (const auto& [name, value] : runs_[run].data.identity.provenance) {
        if (name == "trace_sha256") options.at(name, run) = value.substr(0, 16);
      }
    }
    TextTable table{heading("options that differ", runs_.size())};
    std::size_t equal_count = 0;
    for (const auto& [name, values] : options.rows()) {
      if (is_equal(values)) {
        ++equal_count;
        continue;
      }
      std::vector<std::string> row{name};
      for (const auto& value : values) row.push_back(value ? shortened(*value) : "-");
      table.add(std::move(row));
    }
    return counted(table, equal_count, options.rows().size(), "options");
  }

  // The table, or in words that it would be empty.
  static std::string counted(const TextTable& table,
                             std::size_t equal_count,
                             std::size_t count,
                             const char* what) {
    if (equal_count == count) return fmt::format("\nall {} {} are equal\n", count, what);
    return fmt::format("\n{}({} other {} are equal)\n", table.text(0), equal_count, what);
  }

  [[nodiscard]] std::string counts() const {
    Gathered<std::uint64_t> counts{runs_.size()};
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      for (const RankCounter& counter : runs_[run].data.counters) {
        auto& sum = counts.at(counter.counter.name, run);
        sum = sum.value_or(0) + counter.counter.value;
      }
    }
    std::vector<std::string> first = heading("exact counts that differ, all ranks", runs_.size());
    for (std::size_t run = 1; run < runs_.size(); ++run) first.push_back(name_of(run) + " - A");
    TextTable table{first};
    std::size_t equal_count = 0;
    for (const auto& [name, values] : counts.rows()) {
      if (is_equal(values)) {
        ++equal_count;
        continue;
      }
      std::vector<std::string> row{name};
      for (const auto& value : values) row.push_back(value ? with_separators(*value) : "-");
      for (std::size_t run = 1; run < runs_.size(); ++run) {
        row.push_back(difference_text(values[0], values[run]));
      }
      table.add(std::move(row));
    }
    return counted(table, equal_count, counts.rows().size(), "counts");
  }

  static std::string cell_text(const SummaryCell& cell, double value) {
    if (cell.n == 0) return "-";
    if (cell.unit == "ns") return duration_text(value);
    if (value >= 0 && std::abs(value - std::round(value)) < 1e-9) {
      return with_separators(static_cast<std::uint64_t>(std::llround(value)));
    }
    return ratio_text(value);
  }

  [[nodiscard]] std::string cells() const {
    Gathered<SummaryCell> cells{runs_.size()};
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      for (const SummaryCell& cell : runs_[run].data.cells) cells.at(cell.metric, run) = cell;
    }
    std::vector<std::string> first = heading("measured, medians", runs_.size());
    for (std::size_t run = 1; run < runs_.size(); ++run) first.push_back(name_of(run) + " / A");
    for (std::size_t run = 0; run < runs_.size(); ++run) first.push_back("p95 " + name_of(run));
    TextTable table{first};
    for (const auto& [name, values] : cells.rows()) {
      const auto known =
          std::find_if(values.begin(), values.end(), [](const auto& v) { return v.has_value(); });
      if ((*known)->metric_class == MetricClass::kNoisy) table.add(cell_row(name, values));
    }
    return "\n" + table.text(0);
  }

  [[nodiscard]] std::vector<std::string> cell_row(const std::string& name,
                                                  const ByRun<SummaryCell>& values) const {
    std::vector<std::string> row{name};
    for (const auto& cell : values) row.push_back(cell ? cell_text(*cell, cell->p50) : "-");
    for (std::size_t run = 1; run < values.size(); ++run) {
      const bool is_there = values[0] && values[run] && values[0]->n > 0 && values[run]->n > 0;
      row.push_back(is_there ? ratio_of(values[0]->p50, values[run]->p50) : "-");
    }
    for (const auto& cell : values) row.push_back(cell ? cell_text(*cell, cell->p95) : "-");
    return row;
  }

  [[nodiscard]] std::string warnings() const {
    std::string text =
        "\nOne launch of each is set side by side: a description, not a verdict. Times of one "
        "launch vary\nby more than most changes are worth.\n";
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      std::size_t missing = 0;
      std::size_t unclosed = 0;
      for (const RankFileEntry& file : runs_[run].data.rank_files) {
        missing += file.is_readable ? 0U : 1U;
        unclosed += file.is_readable && file.status != RankStatus::kComplete ? 1U : 0U;
      }
      if (missing > 0)
        text += fmt::format("{} lacks the files of {} ranks\n", name_of(run), missing);
      if (unclosed > 0) {
        text += fmt::format("{} did not run to its end on {} ranks\n", name_of(run), unclosed);
      }
    }
    return text;
  }

  std::span<const ComparedRun> runs_;
};

}  // namespace

std::string run_comparison(std::span<const ComparedRun> runs) {
  RADIXBENCH_CHECK(runs.size() >= 2);
  return Comparison{runs}.text();
}

}  // namespace radixbench

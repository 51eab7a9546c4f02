#include "report/sweep_table.h"

#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

namespace radixbench {
namespace {

constexpr std::array<SweepFigure, 17> kFigures = {{
    {"agreement_per_step_p50_ns", "agreement", true, "a step of a rank, median"},
    {"wire_ops_per_step", "wire ops", false, "a step of a rank"},
    {"confirm_delay_p50_ns", "confirm", true, "last page to the step that applied it, median"},
    {"drain_per_step_p50_ns", "drain", true, "a step of a rank, median"},
    {"skew_p50_ns", "straggler", true, "first rank to last rank of an operation, median"},
    {"tokens_device", "device", false, "input tokens hit on the device"},
    {"tokens_host", "host", false, "input tokens loaded back from the host"},
    {"tokens_storage", "storage", false, "input tokens prefetched from storage"},
    {"tokens_computed", "computed", false, "input tokens computed"},
    {"prefetch_used", "used", false, "inserted and used"},
    {"prefetch_unused", "unused", false, "inserted, not used"},
    {"prefetch_existing", "existing", false, "brought, already there"},
    {"prefetch_cut", "cut", false, "not on every rank in time"},
    {"prefetch_below_threshold", "below", false, "below the threshold"},
    {"prefetch_not_in_storage", "absent", false, "not in storage"},
    {"prefetch_aborted", "aborted", false, "of aborted requests"},
    {"prefetch_no_room", "no room", false, "no room on the host"},
}};
constexpr std::size_t kCostFigures = 5;

// What a run's summary calls a figure that is taken over as it is.
struct Source {
  std::string_view figure, metric;
};
constexpr std::array<Source, 15> kSources = {{
    {"agreement_per_step_p50_ns", "agreement_per_step"},
    {"confirm_delay_p50_ns", "confirm_delay"},
    {"drain_per_step_p50_ns", "drain_per_step"},
    {"skew_p50_ns", "skew"},
    {"tokens_device", "tokens_device"},
    {"tokens_host", "tokens_host"},
    {"tokens_storage", "tokens_storage"},
    {"tokens_computed", "tokens_computed"},
    {"prefetch_used", "prefetch_used"},
    {"prefetch_existing", "prefetch_existing"},
    {"prefetch_cut", "prefetch_cut"},
    {"prefetch_below_threshold", "prefetch_below_threshold"},
    {"prefetch_not_in_storage", "prefetch_not_in_storage"},
    {"prefetch_aborted", "prefetch_aborted"},
    {"prefetch_no_room", "prefetch_no_room"},
}};

std::optional<double> value_of(const MasterData& run, std::string_view metric) {
  for (const SummaryCell& cell : run.cells) {
    if (cell.metric == metric && cell.n > 0) return cell.value;
  }
  return {};
}

// Steps, summed over the ranks; nothing where a rank's counters are missing.
std::optional<double> rank_steps(const MasterData& run) {
  double steps = 0;
  for (const RankCounter& counter : run.counters) {
    if (counter.counter.name.starts_with("steps.")) {
      steps += static_cast<double>(counter.counter.value);
    }
  }
  if (!(steps > 0)) return {};
  return steps;
}

std::optional<double> figure_of(const SweptCell& cell, std::string_view name) {
  for (const auto& [known, value] : cell.figures) {
    if (known == name) return value;
  }
  return {};
}

std::string shown(const SweepFigure& figure, std::optional<double> value) {
  if (!value) return "-";
  if (figure.is_time) return duration_text(*value);
  if (std::abs(*value - std::round(*value)) > 1e-9) return ratio_text(*value);
  return with_separators(static_cast<std::uint64_t>(std::llround(*value)));
}

// For machines: as many digits as there are.
std::string plain(std::optional<double> value) { return value ? fmt::format("{}", *value) : ""; }

std::string result_of(const SweptCell& cell) {
  if (cell.progress == CellProgress::kFailed && cell.exit_code == 4) return "diverged";
  return std::string{to_string(cell.progress)};
}

std::vector<std::string> axes_of(const SweepState& sweep) {
  std::vector<std::string> names;
  if (sweep.cells.empty()) return names;
  for (const auto& [name, value] : sweep.cells.front().values) names.push_back(name);
  return names;
}

// Number and values of each cell in left-aligned columns, the heading first.
std::vector<std::string> cell_labels(const SweepState& sweep) {
  std::vector<std::vector<std::string>> rows{axes_of(sweep)};
  rows.front().insert(rows.front().begin(), "cell");
  for (std::size_t number = 0; number < sweep.cells.size(); ++number) {
    std::vector<std::string> row{std::to_string(number)};
    for (const auto& [name, value] : sweep.cells[number].values) row.push_back(value);
    rows.push_back(std::move(row));
  }
  std::vector<std::string> labels(rows.size());
  for (std::size_t column = 0; column < rows.front().size(); ++column) {
    std::size_t width = 0;
    for (const auto& row : rows) width = std::max(width, row[column].size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      labels[i] += fmt::format("{}{:<{}}", column == 0 ? "" : "  ", rows[i][column], width);
    }
  }
  return labels;
}

std::string block(const SweepState& sweep,
                  const std::vector<std::string>& labels,
                  std::span<const SweepFigure> figures,
                  bool has_result) {
  std::vector<std::string> heading{labels.front()};
  for (const SweepFigure& figure : figures) heading.emplace_back(figure.heading);
  if (has_result) heading.insert(heading.end(), {"took", "result"});
  TextTable table{heading};
  for (std::size_t number = 0; number < sweep.cells.size(); ++number) {
    const SweptCell& cell = sweep.cells[number];
    std::vector<std::string> row{labels[number + 1]};
    for (const SweepFigure& figure : figures) {
      row.push_back(shown(figure, figure_of(cell, figure.name)));
    }
    if (has_result) {
      row.push_back(cell.seconds > 0 ? fmt::format("{:.1f} s", cell.seconds) : "-");
      row.push_back(result_of(cell));
    }
    table.add(std::move(row));
  }
  return table.text(0);
}

std::string reasons(const SweepState& sweep) {
  std::string text;
  for (std::size_t number = 0; number < sweep.cells.size(); ++number) {
    const SweptCell& cell = sweep.cells[number];
    if (!cell.reason.empty()) {
      text += fmt::format("cell {} {}: {}\n", number, result_of(cell), cell.reason);
    }
  }
  return text.empty() ? text : "\n" + text;
}

// A cell's row of every format for machines and Markdown, as `figure_text` writes figures.
std::vector<std::string> row_of(
    const SweepState& sweep,
    std::size_t number,
    const std::function<std::string(const SweepFigure&, std::optional<double>)>& figure_text) {
  const SweptCell& cell = sweep.cells[number];
  std::vector<std::string> row{std::to_string(number)};
  for (const auto& [name, value] : cell.values) row.push_back(value);
  row.push_back(result_of(cell));
  for (const SweepFigure& figure : kFigures) {
    row.push_back(figure_text(figure, figure_of(cell, figure.name)));
  }
  row.push_back(cell.seconds > 0 ? fmt::format("{:.3f}", cell.seconds) : "");
  row.push_back(cell.run);
  row.push_back(cell.reason);
  return row;
}

std::vector<std::string> heading_of(const SweepState& sweep) {
  std::vector<std::string> row = axes_of(sweep);
  row.insert(row.begin(), "cell");
  row.emplace_back("result");
  for (const SweepFigure& figure : kFigures) row.emplace_back(figure.name);
  row.insert(row.end(), {"seconds", "run", "reason"});
  return row;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string{"\"\""} : std::string(1, c);
  return quoted + "\"";
}

std::string csv_line(const std::vector<std::string>& row) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) line += (i == 0 ? "" : ",") + csv_field(row[i]);
  return line + "\n";
}

std::string markdown_line(const std::vector<std::string>& row) {
  std::string line = "|";
  for (const std::string& text : row) {
    line += ' ';
    for (const char c : text) {
      if (c == '\n') {
        line += ' ';
        continue;
      }
      if (c == '|' || c == '`' || c == '<' || c == '*' || c == '\\') line += '\\';
      line += c;
    }
    line += " |";
  }
  return line + "\n";
}

}  // namespace

std::span<const SweepFigure> sweep_figures() { return kFigures; }

std::vector<std::pair<std::string, double>> figures_of_run(const MasterData& run) {
  std::vector<std::pair<std::string, double>> figures;
  const auto add = [&](std::string_view name, std::optional<double> value) {
    if (value && std::isfinite(*value)) figures.emplace_back(name, *value);
  };
  for (const Source& source : kSources) add(source.figure, value_of(run, source.metric));
  const std::optional<double> steps = rank_steps(run);
  const std::optional<double> wire_ops = value_of(run, "wire_ops");
  if (steps && wire_ops) add("wire_ops_per_step", *wire_ops / *steps);
  const std::optional<double> inserted = value_of(run, "prefetch_inserted");
  const std::optional<double> used = value_of(run, "prefetch_used");
  if (inserted && used) add("prefetch_unused", std::max(0.0, *inserted - *used));
  return figures;
}

std::string sweep_table(const SweepState& sweep) {
  const std::vector<std::string> labels = cell_labels(sweep);
  const std::span<const SweepFigure> figures = kFigures;
  return "times and operations: medians, and wire operations a step of a rank\n" +
         block(sweep, labels, figures.first(kCostFigures), true) +
         "\ninput tokens by tier, prefetched tokens by fate\n" +
         block(sweep, labels, figures.subspan(kCostFigures), false) + reasons(sweep);
}

std::string sweep_csv(const SweepState& sweep) {
  std::string text = csv_line(heading_of(sweep));
  for (std::size_t number = 0; number < sweep.cells.size(); ++number) {
    text += csv_line(row_of(sweep, number, [](const SweepFigure&, std::optional<double> value) {
      return plain(value);
    }));
  }
  return text;
}

std::string sweep_markdown(const SweepState& sweep) {
  std::vector<std::string> heading = axes_of(sweep);
  heading.insert(heading.begin(), "cell");
  heading.emplace_back("result");
  for (const SweepFigure& figure : kFigures) heading.emplace_back(figure.heading);
  heading.insert(heading.end(), {"seconds", "run", "reason"});
  std::string text = markdown_line(heading);
  text += "|";
  for (std::size_t column = 0; column < heading.size(); ++column) text += "---|";
  text += "\n";
  for (std::size_t number = 0; number < sweep.cells.size(); ++number) {
    text += markdown_line(row_of(sweep, number, shown));
  }
  return text;
}

}  // namespace radixbench

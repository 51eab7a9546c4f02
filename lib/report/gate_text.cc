#include "report/gate_text.h"

#include "report/gate_row.h"

#include <fmt/color.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kColumns = 6;  // verdict and note are ragged and come after them

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(const std::string& text, std::size_t width, bool is_left) {
  const std::string blanks(width - std::min(width, width_of(text)), ' ');
  return is_left ? text + blanks : blanks + text;
}

fmt::text_style style_of(GateVerdict verdict) {
  switch (verdict) {
    case GateVerdict::kPass:
    case GateVerdict::kImproved: return fmt::fg(fmt::terminal_color::green);
    case GateVerdict::kRegressed:
    case GateVerdict::kMissing:
    case GateVerdict::kError:
    case GateVerdict::kNondeterministic:
      return fmt::fg(fmt::terminal_color::red) | fmt::emphasis::bold;
    case GateVerdict::kInconclusive:
    case GateVerdict::kIncomparable: return fmt::fg(fmt::terminal_color::yellow);
    case GateVerdict::kNew: return fmt::fg(fmt::terminal_color::cyan);
  }
  return {};
}

class GateText {
 public:
  GateText(const GateReport& report, const GateTextOptions& options)
      : report_{report}, options_{options} {}

  [[nodiscard]] std::string text() const { return heading() + table() + footer(); }

 private:
  [[nodiscard]] std::string coloured(const std::string& text, fmt::text_style style) const {
    return options_.is_coloured ? fmt::format(style, "{}", text) : text;
  }

  [[nodiscard]] std::string heading() const {
    return fmt::format(
        "A  {}\nB  {}\n   {}\n", report_.label_a, report_.label_b, gate_setting_text(report_));
  }

  using Line = std::array<std::string, kColumns>;
  static Line line_of(const GateRow& row, std::size_t prefix) {
    return {row.cell.substr(prefix), row.a, row.b, row.change, row.interval, row.p};
  }

  [[nodiscard]] std::string table() const {
    std::vector<GateRow> rows;
    std::vector<GateVerdict> verdicts;
    for (const GateCell& cell : report_.cells) {
      if (!options_.is_verbose && is_quiet(cell)) continue;
      rows.push_back(gate_row(cell));
      verdicts.push_back(cell.verdict);
    }
    const std::size_t hidden = report_.cells.size() - rows.size();
    const std::string prefix = shared_beginning(rows);
    std::string text;
    if (!prefix.empty()) text += fmt::format("   {}\n", prefix.substr(0, prefix.size() - 2));
    if (!rows.empty()) text += "\n" + lines(rows, verdicts, prefix.size());
    if (hidden > 0) text += fmt::format("\n{} PASS not shown; -v shows all\n", hidden);
    return text;
  }

  [[nodiscard]] std::string lines(const std::vector<GateRow>& rows,
                                  const std::vector<GateVerdict>& verdicts,
                                  std::size_t prefix) const {
    std::vector<Line> lines = {{"cell",
                                "A",
                                "B",
                                "change",
                                fmt::format("[{:g}% CI]", 100 * report_.options.confidence),
                                "p(adj)"}};
    for (const GateRow& row : rows) lines.push_back(line_of(row, prefix));
    std::array<std::size_t, kColumns> widths{};
    for (const Line& line : lines) {
      for (std::size_t i = 0; i < kColumns; ++i) {
        widths.at(i) = std::max(widths.at(i), width_of(line.at(i)));
      }
    }
    std::string text;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (std::size_t column = 0; column < kColumns; ++column) {
        text += padded(lines[i].at(column), widths.at(column), column == 0) + "  ";
      }
      text += i == 0 ? std::string{"verdict"} : end_of_line(rows[i - 1], verdicts[i - 1]);
      text += "\n";
    }
    return text;
  }

  [[nodiscard]] std::string end_of_line(const GateRow& row, GateVerdict verdict) const {
    return coloured(row.verdict, style_of(verdict)) + (row.note.empty() ? "" : "  " + row.note);
  }

  [[nodiscard]] std::string means_text() const {
    const std::vector<GateGeomean> means = moved_geomeans(report_);
    const std::size_t still = gate_geomeans(report_).size() - means.size();
    std::size_t width = 0;
    std::size_t change_width = 0;
    for (const GateGeomean& mean : means) {
      width = std::max(width, width_of(mean.name));
      change_width = std::max(change_width, percent_text(mean.ratio - 1).size());
    }
    if (means.empty() && still == 0) return "";
    std::string text = "\ngeometric mean of B over A\n";
    for (const GateGeomean& mean : means) {
      text += fmt::format("  {}  {}  of {}\n",
                          padded(mean.name, width, true),
                          padded(percent_text(mean.ratio - 1), change_width, false),
                          mean.cells);
    }
    if (still > 0)
      text += fmt::format("  {} {}metrics did not move\n", still, means.empty() ? "" : "other ");
    return text;
  }

  [[nodiscard]] std::string footer() const {
    std::string text;
    text += means_text();
    text += "\n";
    for (const std::string& warning : report_.warnings) text += "warning: " + warning + "\n";
    for (const std::string& line :
         {gate_self_check_text(report_), gate_sensitivity_text(report_)}) {
      if (!line.empty()) text += line + "\n";
    }
    text += fmt::format("{}: {}\n",
                        coloured(gate_end_text(report_), style_of(worst_verdict(report_))),
                        gate_counts_text(report_));
    const std::string advice = gate_advice(report_);
    if (!advice.empty()) text += "next: " + advice + "\n";
    return text;
  }

  const GateReport& report_;
  const GateTextOptions& options_;
};

}  // namespace

std::string gate_text(const GateReport& report, const GateTextOptions& options) {
  return GateText{report, options}.text();
}

}  // namespace radixbench

#include "report/gate_markdown.h"

#include "report/gate_row.h"
#include "report/markdown_text.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kBytesLeast = 16'000;  // what stands above and below the tables may take half
constexpr std::size_t kWarningsMax = 5;
constexpr std::size_t kAnnotationsMax = 10;

constexpr std::string_view kHead =
    "| cell | A | B | change | interval | p (adj) | verdict | |\n"
    "|:--|--:|--:|--:|:-:|--:|:--|:--|\n";

// `beginning` is what all names share and stands above the table.
std::string row_line(const GateRow& row, GateVerdict judged, std::size_t beginning) {
  const bool is_bad = judged != GateVerdict::kPass && judged != GateVerdict::kNew &&
                      judged != GateVerdict::kImproved;
  const std::string verdict = markdown_text(row.verdict);
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n",
                     markdown_text(row.cell.substr(beginning)),
                     markdown_text(row.a),
                     markdown_text(row.b),
                     markdown_text(row.change),
                     markdown_text(row.interval),
                     markdown_text(row.p),
                     is_bad ? "**" + verdict + "**" : verdict,
                     markdown_text(row.note));
}

std::string top(const GateReport& report, const GateMarkdownOptions& options) {
  std::string text = fmt::format("<!-- radixbench:gate:{} -->\n", markdown_id(options.id));
  text += fmt::format("### radixbench gate: {}\n\n{}\n\nA: {}, B: {}; {}\n\n",
                      gate_end_text(report),
                      gate_counts_text(report),
                      markdown_text(report.label_a),
                      markdown_text(report.label_b),
                      gate_setting_text(report));
  return text;
}

std::string bottom(const GateReport& report) {
  std::string text = "\n";
  for (std::size_t i = 0; i < std::min(report.warnings.size(), kWarningsMax); ++i) {
    text += fmt::format("- warning: {}\n", markdown_text(report.warnings[i]));
  }
  if (report.warnings.size() > kWarningsMax) {
    text += fmt::format("- and {} more warnings\n", report.warnings.size() - kWarningsMax);
  }
  for (const std::string& line : {gate_self_check_text(report), gate_sensitivity_text(report)}) {
    if (!line.empty()) text += fmt::format("- {}\n", markdown_text(line));
  }
  const std::string advice = gate_advice(report);
  if (!advice.empty()) text += fmt::format("- next: {}\n", markdown_text(advice));
  return text;
}

std::string means(const GateReport& report) {
  const std::vector<GateGeomean> moved = moved_geomeans(report);
  const std::size_t still = gate_geomeans(report).size() - moved.size();
  std::vector<std::vector<std::string>> rows = {{"geometric mean of B over A", "cells", "change"}};
  for (const GateGeomean& mean : moved) {
    rows.push_back({mean.name, std::to_string(mean.cells), percent_text(mean.ratio - 1)});
  }
  if (still > 0) rows.push_back({fmt::format("{} metrics", still), "", "none"});
  return markdown_table(rows);
}

std::string left_out(std::size_t count) {
  return count == 0 ? "" : fmt::format("\n{} more cells did not fit here.\n", count);
}

// As data of a workflow command; properties end at more than messages do.
std::string command_data(std::string_view words, bool is_property) {
  std::string out;
  for (const char c : words) {
    const bool is_special =
        c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ','));
    out += is_special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

std::string error_command(std::string_view title, std::string_view message) {
  return fmt::format(
      "::error title={}::{}\n", command_data(title, true), command_data(message, false));
}

}  // namespace

std::string gate_markdown(const GateReport& report, const GateMarkdownOptions& options) {
  RADIXBENCH_CHECK(options.bytes_max >= kBytesLeast);
  constexpr std::size_t kFoldBytes = 200;  // of what opens and closes a fold, and left_out()
  std::string text = top(report, options);
  const std::string end = bottom(report);
  // Where even these are too long, what stands first matters most.
  const std::size_t room = options.bytes_max - std::min(end.size(), options.bytes_max / 2);
  const auto fits = [&](std::size_t more) { return text.size() + more + kFoldBytes <= room; };
  std::vector<GateRow> rows;
  for (const GateCell& cell : report.cells) rows.push_back(gate_row(cell));
  const std::string beginning = shared_beginning(rows);
  if (!beginning.empty()) {
    text += markdown_text(std::string_view{beginning}.substr(0, beginning.size() - 2)) + "\n\n";
  }
  std::size_t shown = 0;
  const auto add_rows = [&](std::size_t until) {
    for (text += kHead; shown < until; ++shown) {
      const std::string line = row_line(rows[shown], report.cells[shown].verdict, beginning.size());
      if (!fits(line.size())) return;
      text += line;
    }
  };
  const std::size_t count = report.cells.size();
  const std::size_t open = std::min(options.rows_open_max, count);
  if (open > 0 && fits(kHead.size())) add_rows(open);
  if (shown == open && open < count && fits(kHead.size())) {
    text += fmt::format("\n<details><summary>{} more cells</summary>\n\n", count - open);
    add_rows(count);
    text += "\n</details>\n";
  }
  text += left_out(count - shown);
  const std::string averages = means(report);
  if (count > 0 && fits(averages.size())) text += "\n" + averages;
  return text + std::string{cut_text(end, options.bytes_max - text.size())};
}

std::string gate_annotations(const GateReport& report) {
  std::vector<const GateCell*> failing;
  for (const GateCell& cell : report.cells) {
    if (fails_gate(cell, report.options)) failing.push_back(&cell);
  }
  const bool is_cut = failing.size() > kAnnotationsMax;
  const std::size_t shown = is_cut ? kAnnotationsMax - 1 : failing.size();
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    const GateRow row = gate_row(*failing[i]);
    const std::string sizes =
        row.change == "-" ? "" : fmt::format(" {} ({} to {})", row.change, row.a, row.b);
    text += error_command(
        fmt::format("{} {}", row.verdict, failing[i]->key.metric),
        fmt::format("{}{}{}{}", row.cell, sizes, row.note.empty() ? "" : " ", row.note));
  }
  if (is_cut) {
    text +=
        error_command("radixbench gate", fmt::format("{} more cells fail", failing.size() - shown));
  }
  return text;
}

}  // namespace radixbench

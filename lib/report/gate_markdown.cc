#include "report/gate_markdown.h"

#include "report/gate_row.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kBytesLeast = 16'000;  // what stands above and below the tables may take half
constexpr std::size_t kTextBytesMax = 300;   // of a piece of text from outside
constexpr std::size_t kWarningsMax = 5;
constexpr std::size_t kAnnotationsMax = 10;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// At most so many bytes, ended between characters.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

// As text inside a cell of a table.
std::string escaped(std::string_view whole) {
  const std::string_view text = cut(whole, kTextBytesMax);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      // GitHub looks for @name after Markdown is done, so an entity alone hides no mention; behind
      // a letter it sees none, and a cell's name stays what it was when it is copied.
      case '@': out += i > 0 && is_word(text[i - 1]) ? "&#64;" : "&#64;&#8203;"; break;
      case '`': out += "&#96;"; break;
      case '|': out += "&#124;"; break;
      case '*':
      case '_':
      case '~':
      case '[':
      case ']':
      case '\\': out += fmt::format("\\{}", c); break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  if (text.size() < whole.size()) out += "...";
  return out;
}

std::string kept_id(std::string_view id) {
  std::string kept;
  for (const char c : id) {
    if (is_word(c) || c == '.' || c == '/') kept += c;
    // Two in a row would end the comment that the marker is.
    if (c == '-' && (kept.empty() || kept.back() != '-')) kept += c;
  }
  return std::string{cut(kept, kTextBytesMax)};
}

constexpr std::string_view kHead =
    "| cell | A | B | change | interval | p (adj) | verdict | |\n"
    "|:--|--:|--:|--:|:-:|--:|:--|:--|\n";

std::string row_line(const GateCell& cell) {
  const GateRow row = gate_row(cell);
  const bool is_bad = cell.verdict != GateVerdict::kPass && cell.verdict != GateVerdict::kNew &&
                      cell.verdict != GateVerdict::kImproved;
  const std::string verdict = escaped(row.verdict);
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n",
                     escaped(row.cell),
                     escaped(row.a),
                     escaped(row.b),
                     escaped(row.change),
                     escaped(row.interval),
                     escaped(row.p),
                     is_bad ? "**" + verdict + "**" : verdict,
                     escaped(row.note));
}

std::string top(const GateReport& report, const GateMarkdownOptions& options) {
  std::string text = fmt::format("<!-- radixbench:gate:{} -->\n", kept_id(options.id));
  text += fmt::format("### radixbench gate: {}\n\n{}\n\nA: {}, B: {}; {}\n\n",
                      gate_end_text(report),
                      gate_counts_text(report),
                      escaped(report.label_a),
                      escaped(report.label_b),
                      gate_setting_text(report));
  return text;
}

std::string bottom(const GateReport& report) {
  std::string text = "\n";
  for (std::size_t i = 0; i < std::min(report.warnings.size(), kWarningsMax); ++i) {
    text += fmt::format("- warning: {}\n", escaped(report.warnings[i]));
  }
  if (report.warnings.size() > kWarningsMax) {
    text += fmt::format("- and {} more warnings\n", report.warnings.size() - kWarningsMax);
  }
  for (const std::string& line : {gate_self_check_text(report), gate_sensitivity_text(report)}) {
    if (!line.empty()) text += fmt::format("- {}\n", escaped(line));
  }
  const std::string advice = gate_advice(report);
  if (!advice.empty()) text += fmt::format("- next: {}\n", escaped(advice));
  return text;
}

std::string means(const GateReport& report) {
  std::string text = "| geometric mean of B over A | cells | change |\n|:--|--:|--:|\n";
  for (const GateGeomean& mean : gate_geomeans(report)) {
    text += fmt::format(
        "| {} | {} | {} |\n", escaped(mean.name), mean.cells, percent_text(mean.ratio - 1));
  }
  return text;
}

std::string left_out(std::size_t count) {
  return count == 0 ? "" : fmt::format("\n{} more cells did not fit here.\n", count);
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
  std::size_t shown = 0;
  const auto add_rows = [&](std::size_t until) {
    for (text += kHead; shown < until; ++shown) {
      const std::string line = row_line(report.cells[shown]);
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
  return text + std::string{cut(end, options.bytes_max - text.size())};
}

std::string gate_annotations(const GateReport& report) {
  std::vector<const GateCell*> failing;
  for (const GateCell& cell : report.cells) {
    const bool fails =
        cell.verdict == GateVerdict::kRegressed || cell.verdict == GateVerdict::kMissing ||
        cell.verdict == GateVerdict::kError || cell.verdict == GateVerdict::kNondeterministic;
    if (fails && cell.action == GateAction::kFail) failing.push_back(&cell);
  }
  const auto command = [](std::string_view title, std::string_view message) {
    const auto data = [](std::string_view words, bool is_property) {
      std::string out;
      for (const char c : words) {
        const bool is_special =
            c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ','));
        out +=
            is_special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
      }
      return out;
    };
    return fmt::format("::error title={}::{}\n", data(title, true), data(message, false));
  };
  const bool is_cut = failing.size() > kAnnotationsMax;
  const std::size_t shown = is_cut ? kAnnotationsMax - 1 : failing.size();
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) {
    const GateRow row = gate_row(*failing[i]);
    const std::string sizes =
        row.change == "-" ? "" : fmt::format(" {} ({} to {})", row.change, row.a, row.b);
    text +=
        command(fmt::format("{} {}", row.verdict, failing[i]->key.metric),
                fmt::format("{}{}{}{}", row.cell, sizes, row.note.empty() ? "" : " ", row.note));
  }
  if (is_cut) {
    text += command("radixbench gate", fmt::format("{} more cells fail", failing.size() - shown));
  }
  return text;
}

}  // namespace radixbench

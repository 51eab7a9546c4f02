#include "report/junit_gate.h"

#include "report/gate_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

// Bytes of the UTF-8 character that `text` begins with, if it is one that XML 1.0 allows; 0 if not.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 || lead == '\t' || lead == '\n' || lead == '\r' ? 1 : 0;
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return 0;
  std::uint32_t point = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    point = point << 6U | (byte(i) & 0x3FU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_character = point >= kLeast[bytes] && point <= 0x10FFFF &&
                            (point < 0xD800 || point > 0xDFFF) && point != 0xFFFE &&
                            point != 0xFFFF;
  return is_character ? bytes : 0;
}

// As the value of an attribute or as text.
std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (bytes == 0) out += '?';
    for (const char c : text.substr(0, bytes)) {
      switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\t': out += "&#9;"; break;
        case '\n': out += "&#10;"; break;
        case '\r': out += "&#13;"; break;
        default: out += c;
      }
    }
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

enum class Mark : std::uint8_t { kNone, kFailure, kError, kSkipped };

Mark mark_of(const GateCell& cell, const GateOptions& options) {
  if (fails_gate(cell, options)) {
    return cell.verdict == GateVerdict::kError ? Mark::kError : Mark::kFailure;
  }
  const bool is_fine = cell.verdict == GateVerdict::kPass ||
                       cell.verdict == GateVerdict::kImproved || cell.verdict == GateVerdict::kNew;
  return is_fine ? Mark::kNone : Mark::kSkipped;
}

std::string type_of(GateVerdict verdict) {
  if (verdict == GateVerdict::kRegressed) return "regression";
  std::string word{to_string(verdict)};
  std::ranges::transform(word, word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return word;
}

std::string message_of(const GateCell& cell) {
  const GateRow row = gate_row(cell);
  std::string text = row.verdict;
  if (row.change != "-" && row.change != "=") {
    text += fmt::format(": {} {} ({} to {})", row.change, row.interval, row.a, row.b);
  }
  if (row.p != "-") text += ", p " + row.p;
  if (!row.note.empty()) text += "; " + row.note;
  return text;
}

double seconds_of(const GateCell& cell) {
  const double ns = cell.median_b();
  return cell.unit == "ns" && std::isfinite(ns) && ns > 0 ? ns * 1e-9 : 0;
}

std::string case_xml(const GateCell& cell, const GateOptions& options) {
  const CellKey& key = cell.key;
  // What else tells cells apart, so that no two tests of a class have one name.
  const std::string name = cell_name(key);
  const std::size_t metric = name.find("::");
  std::string variant = metric == std::string::npos ? "" : name.substr(0, metric);
  const std::string known = key.scenario + "/" + key.layout + "/";
  if (variant.starts_with(known)) variant.erase(0, known.size());
  std::string text =
      fmt::format("    <testcase classname=\"{}.{}\" name=\"{}@{}{}\" time=\"{:.9f}\"",
                  escaped(key.scenario),
                  escaped(key.layout),
                  escaped(key.metric),
                  escaped(key.stat),
                  variant.empty() ? "" : escaped(" [" + variant + "]"),
                  seconds_of(cell));
  const std::string message = escaped(message_of(cell));
  switch (mark_of(cell, options)) {
    case Mark::kNone: return text + "/>\n";
    case Mark::kFailure:
      text += fmt::format(
          ">\n      <failure type=\"{}\" message=\"{}\"/>\n", type_of(cell.verdict), message);
      break;
    case Mark::kError:
      text += fmt::format(">\n      <error type=\"error\" message=\"{}\"/>\n", message);
      break;
    case Mark::kSkipped:
      text += fmt::format(">\n      <skipped message=\"{}\"/>\n", message);
      break;
  }
  return text + "    </testcase>\n";
}

struct Counts {
  std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
  double seconds = 0;

  void add(const GateCell& cell, const GateOptions& options) {
    ++tests;
    const Mark mark = mark_of(cell, options);
    failures += mark == Mark::kFailure ? 1U : 0U;
    errors += mark == Mark::kError ? 1U : 0U;
    skipped += mark == Mark::kSkipped ? 1U : 0U;
    seconds += seconds_of(cell);
  }
  [[nodiscard]] std::string attributes() const {
    return fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.9f}")",
                       tests,
                       failures,
                       errors,
                       skipped,
                       seconds);
  }
};

std::string properties_xml(const GateReport& report) {
  std::vector<std::pair<std::string, std::string>> properties = {{"a", report.label_a},
                                                                 {"b", report.label_b}};
  for (const auto& [name, value] : report.fingerprint_a)
    properties.emplace_back("a." + name, value);
  for (const auto& [name, value] : report.fingerprint_b)
    properties.emplace_back("b." + name, value);
  properties.emplace_back("gate", gate_setting_text(report));
  std::string text = "    <properties>\n";
  for (const auto& [name, value] : properties) {
    text +=
        fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", escaped(name), escaped(value));
  }
  return text + "    </properties>\n";
}

}  // namespace

std::string gate_junit(const GateReport& report) {
  std::vector<std::string> scenarios;
  Counts all;
  for (const GateCell& cell : report.cells) {
    all.add(cell, report.options);
    if (std::ranges::find(scenarios, cell.key.scenario) == scenarios.end()) {
      scenarios.push_back(cell.key.scenario);
    }
  }
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"radixbench gate\" {}>\n",
      all.attributes());
  for (const std::string& scenario : scenarios) {
    Counts counts;
    std::string cases;
    for (const GateCell& cell : report.cells) {
      if (cell.key.scenario != scenario) continue;
      counts.add(cell, report.options);
      cases += case_xml(cell, report.options);
    }
    text += fmt::format("  <testsuite name=\"{}\" {}>\n{}{}  </testsuite>\n",
                        escaped(scenario),
                        counts.attributes(),
                        properties_xml(report),
                        cases);
  }
  return text + "</testsuites>\n";
}

}  // namespace radixbench

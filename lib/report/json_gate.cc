#include "report/json_gate.h"

#include "report/gate_row.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kWholeMax = 9007199254740992.0;  // 2^53: from here on doubles skip integers

// Fractions of a nanosecond are below what any clock tells.
Json number(double value, const std::string& unit = {}) {
  if (!std::isfinite(value)) return nullptr;
  const double kept = unit == "ns" ? std::round(value) : value;
  if (kept != std::round(kept)) return kept;
  if (std::abs(kept) < kWholeMax) return static_cast<std::int64_t>(kept);
  std::string digits = Json(kept).dump();
  if (std::abs(kept) < 9.2e18) digits = std::to_string(static_cast<std::int64_t>(kept));
  return digits;
}

Json numbers(const std::vector<double>& values, const std::string& unit) {
  Json json = Json::array();
  for (const double value : values) json.push_back(number(value, unit));
  return json;
}

const char* word_of(GateAction action) {
  switch (action) {
    case GateAction::kFail: return "fail";
    case GateAction::kWarn: return "warn";
    case GateAction::kTrack: return "track";
  }
  return "fail";
}

const char* word_of(GateEnd end) {
  switch (end) {
    case GateEnd::kFine: return "fine";
    case GateEnd::kWorse: return "worse";
    case GateEnd::kNothingComparable: return "nothing_comparable";
    case GateEnd::kInconclusive: return "inconclusive";
  }
  return "worse";
}

const char* word_of_direction(std::int8_t direction) {
  if (direction == 0) return "none";
  return direction < 0 ? "lower" : "higher";
}

Json key_json(const CellKey& key) {
  return {{"scenario", key.scenario},
          {"layout", key.layout},
          {"tp", key.tp},
          {"cp", key.cp},
          {"dp", key.dp},
          {"pp", key.pp},
          {"rules", key.rules},
          {"agreement", key.agreement},
          {"transport", key.transport},
          {"policy", key.policy},
          {"clock", key.clock},
          {"page_size", key.page_size},
          {"metric", key.metric},
          {"stat", key.stat}};
}

Json estimate_json(const GateEstimate& is) {
  return {{"theta", number(is.theta)},
          {"lo", number(is.lo)},
          {"hi", number(is.hi)},
          {"p_reg", number(is.p_reg)},
          {"p_imp", number(is.p_imp)},
          {"p_pass", number(is.p_pass)},
          {"p_attainable", number(is.p_attainable)},
          {"delta", number(is.delta)},
          {"confidence", number(is.confidence)},
          {"samples", is.samples},
          {"paired", is.is_paired}};
}

Json percent(std::optional<double> share) { return share ? number(100 * *share) : Json(nullptr); }

Json cell_json(const GateCell& cell) {
  const std::optional<GateChange> change = change_of(cell);
  Json json{{"name", cell_name(cell.key)},
            {"key", key_json(cell.key)},
            {"unit", cell.unit},
            {"class", cell.metric_class == MetricClass::kExact ? "exact" : "noisy"},
            {"better", word_of_direction(cell.direction)},
            {"action", word_of(cell.action)},
            {"rule", cell.rule},
            {"tolerance", number(cell.tolerance)},
            {"abs_floor", number(cell.abs_floor, cell.unit)},
            {"a", numbers(cell.a, cell.unit)},
            {"b", numbers(cell.b, cell.unit)},
            {"median_a", number(cell.median_a(), cell.unit)},
            {"median_b", number(cell.median_b(), cell.unit)},
            {"verdict", to_string(cell.verdict)},
            {"reason", cell.reason}};
  json["change_percent"] = change ? percent(change->share) : Json(nullptr);
  json["change_lo_percent"] = change ? percent(change->lo) : Json(nullptr);
  json["change_hi_percent"] = change ? percent(change->hi) : Json(nullptr);
  json["estimate"] = cell.estimate ? estimate_json(*cell.estimate) : Json(nullptr);
  json["p_adjusted"] = number(cell.p_adjusted);
  json["mde80_percent"] = percent(cell.mde80);
  json["samples_needed"] = cell.samples_needed ? Json(*cell.samples_needed) : Json(nullptr);
  return json;
}

Json cells_json(const std::vector<GateCell>& cells) {
  Json json = Json::array();
  for (const GateCell& cell : cells) json.push_back(cell_json(cell));
  return json;
}

Json rule_json(const GateRule& rule) {
  return {{"rule", to_string(rule)},
          {"action", word_of(rule.action)},
          {"optional", rule.is_optional},
          {"source", rule.source}};
}

Json config_json(const GateReport& report) {
  const GateOptions& options = report.options;
  Json rules = Json::array();
  for (const GateRule& rule : options.rules) rules.push_back(rule_json(rule));
  return {{"alpha", number(options.alpha)},
          {"confidence", number(options.confidence)},
          {"paired", report.is_paired},
          {"pairs", options.pairs},
          {"pairs_max", options.pairs_max},
          {"looks", options.looks},
          {"looks_taken", report.looks_taken},
          {"require_conclusive", options.is_conclusion_required},
          {"ranks_may_outnumber_cores", options.may_outnumber_cores},
          {"cells_may_be_missing", options.may_miss},
          {"across", options.across},
          {"rules", rules}};
}

Json side_json(const std::string& label, const Fingerprint& fingerprint) {
  Json fields = Json::object();
  for (const auto& [name, value] : fingerprint) fields[name] = value;
  return {{"label", label}, {"fingerprint", fingerprint_hash(fingerprint)}, {"fields", fields}};
}

Json summary_json(const GateReport& report, int exit_code) {
  constexpr std::array kAll = {GateVerdict::kPass,
                               GateVerdict::kRegressed,
                               GateVerdict::kImproved,
                               GateVerdict::kInconclusive,
                               GateVerdict::kMissing,
                               GateVerdict::kError,
                               GateVerdict::kNew,
                               GateVerdict::kIncomparable,
                               GateVerdict::kNondeterministic};
  Json counts = Json::object();
  for (const GateVerdict verdict : kAll) {
    counts[std::string{to_string(verdict)}] = report.count(verdict);
  }
  Json means = Json::array();
  for (const GateGeomean& mean : gate_geomeans(report)) {
    means.push_back({{"metric", mean.name}, {"cells", mean.cells}, {"ratio", number(mean.ratio)}});
  }
  return {{"counts", counts},
          {"tracked", std::ranges::count(report.cells, GateAction::kTrack, &GateCell::action)},
          {"worst", to_string(worst_verdict(report))},
          {"end", word_of(end_of(report))},
          {"exit_code", exit_code},
          {"geometric_means", means}};
}

Json head_json(const GateReport& report, const GateJsonContext& context) {
  return {{"schema", kGateSchema},
          {"schema_version", kGateSchemaVersion},
          {"tool", {{"name", "radixbench"}, {"version", context.tool_version}}},
          {"environment",
           {{"a", side_json(report.label_a, report.fingerprint_a)},
            {"b", side_json(report.label_b, report.fingerprint_b)}}},
          {"config", config_json(report)}};
}

Json self_check_json(const GateReport& report) {
  if (!report.self_check) return nullptr;
  return {{"quiet", report.self_check->is_quiet},
          {"reason", report.self_check->reason},
          {"cells", cells_json(report.self_check->cells)}};
}

// What is measured of a cell, and what the gate makes of it; both have its name.
struct CellEvents {
  Json cell = Json::object();
  Json verdict = Json::object();
};

CellEvents events_of(const GateCell& cell) {
  const Json all = cell_json(cell);
  CellEvents events;
  bool is_judgement = false;
  for (const auto& [name, value] : all.items()) {
    is_judgement = is_judgement || name == "verdict";
    (is_judgement ? events.verdict : events.cell)[name] = value;
  }
  events.verdict["name"] = all["name"];
  return events;
}

class EventLines {
 public:
  explicit EventLines(std::string utc) : utc_{std::move(utc)} {}

  void add(std::string_view event, const Json& members) {
    Json line{{"event", event}, {"seq", count_++}, {"ts", utc_}};
    line.update(members);
    text_ += line.dump(-1, ' ', false, Json::error_handler_t::replace);
    text_ += '\n';
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string utc_;
  std::size_t count_ = 0;
  std::string text_;
};

}  // namespace

std::string gate_jsonl(const GateReport& report, const GateJsonContext& context) {
  EventLines lines{context.utc};
  lines.add("run_start", head_json(report, context));
  for (const GateCell& cell : report.cells) {
    const CellEvents events = events_of(cell);
    lines.add("cell", events.cell);
    lines.add("verdict", events.verdict);
  }
  lines.add("run_end",
            {{"self_check", self_check_json(report)},
             {"warnings", report.warnings},
             {"summary", summary_json(report, context.exit_code)}});
  return lines.text();
}

std::string gate_json(const GateReport& report, const GateJsonContext& context) {
  Json json = head_json(report, context);
  json["cells"] = cells_json(report.cells);
  json["self_check"] = self_check_json(report);
  json["warnings"] = report.warnings;
  json["summary"] = summary_json(report, context.exit_code);
  // A name that is no UTF-8 shows as such instead of ending the program.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace radixbench

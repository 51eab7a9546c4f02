#include "report/json_gate.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

// Thrown and caught in this file only, as nlohmann's own are.
struct NotSuch {
  std::string what;
};

// Whole numbers from 2^53 on are strings.
double number_of(const Json& json) {
  return json.is_string() ? std::stod(json.get<std::string>()) : json.get<double>();
}
double number_or(const Json& json, double otherwise) {
  return json.is_null() ? otherwise : number_of(json);
}
std::optional<double> number_maybe(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return number_of(json);
}

template <typename Value, std::size_t N>
Value chosen(const Json& json, const std::pair<std::string_view, Value> (&words)[N]) {
  const std::string word = json.get<std::string>();
  for (const auto& [known, value] : words) {
    if (known == word) return value;
  }
  throw NotSuch{fmt::format("'{}' is no word of this form", word)};
}

GateAction action_of(const Json& json) {
  constexpr std::pair<std::string_view, GateAction> kWords[] = {
      {"fail", GateAction::kFail}, {"warn", GateAction::kWarn}, {"track", GateAction::kTrack}};
  return chosen(json, kWords);
}

bool is_exact(const Json& json) {
  constexpr std::pair<std::string_view, bool> kWords[] = {{"exact", true}, {"noisy", false}};
  return chosen(json, kWords);
}

std::int8_t direction_of(const Json& json) {
  constexpr std::pair<std::string_view, std::int8_t> kWords[] = {
      {"lower", std::int8_t{-1}}, {"none", std::int8_t{0}}, {"higher", std::int8_t{1}}};
  return chosen(json, kWords);
}

GateVerdict verdict_of(const Json& json) {
  constexpr std::pair<std::string_view, GateVerdict> kWords[] = {
      {"PASS", GateVerdict::kPass},
      {"REGRESSED", GateVerdict::kRegressed},
      {"IMPROVED", GateVerdict::kImproved},
      {"INCONCLUSIVE", GateVerdict::kInconclusive},
      {"MISSING", GateVerdict::kMissing},
      {"ERROR", GateVerdict::kError},
      {"NEW", GateVerdict::kNew},
      {"INCOMPARABLE", GateVerdict::kIncomparable},
      {"NONDETERMINISTIC", GateVerdict::kNondeterministic}};
  return chosen(json, kWords);
}

CellKey key_of(const Json& json) {
  return {.scenario = json.at("scenario").get<std::string>(),
          .layout = json.at("layout").get<std::string>(),
          .tp = json.at("tp").get<std::uint32_t>(),
          .cp = json.at("cp").get<std::uint32_t>(),
          .dp = json.at("dp").get<std::uint32_t>(),
          .pp = json.at("pp").get<std::uint32_t>(),
          .rules = json.at("rules").get<std::string>(),
          .agreement = json.at("agreement").get<std::string>(),
          .transport = json.at("transport").get<std::string>(),
          .policy = json.at("policy").get<std::string>(),
          .clock = json.at("clock").get<std::string>(),
          .page_size = json.at("page_size").get<std::uint32_t>(),
          .metric = json.at("metric").get<std::string>(),
          .stat = json.at("stat").get<std::string>()};
}

GateEstimate estimate_of(const Json& json) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {.theta = number_or(json.at("theta"), 0),
          .lo = number_or(json.at("lo"), -kInfinity),
          .hi = number_or(json.at("hi"), kInfinity),
          .p_reg = number_or(json.at("p_reg"), 1),
          .p_imp = number_or(json.at("p_imp"), 1),
          .p_pass = number_or(json.at("p_pass"), 1),
          .p_attainable = number_or(json.at("p_attainable"), 1),
          .delta = number_or(json.at("delta"), 0),
          .confidence = number_or(json.at("confidence"), 0),
          .samples = json.at("samples").get<std::size_t>(),
          .is_paired = json.at("paired").get<bool>()};
}

std::vector<double> values_of(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json) {
    values.push_back(number_or(value, std::numeric_limits<double>::quiet_NaN()));
  }
  return values;
}

GateCell cell_of(const Json& json) {
  GateCell cell{
      .key = key_of(json.at("key")),
      .unit = json.at("unit").get<std::string>(),
      .metric_class = is_exact(json.at("class")) ? MetricClass::kExact : MetricClass::kNoisy,
      .direction = direction_of(json.at("better")),
      .action = action_of(json.at("action")),
      .rule = json.at("rule").get<std::string>(),
      .tolerance = number_or(json.at("tolerance"), 0),
      .abs_floor = number_or(json.at("abs_floor"), 0),
      .a = values_of(json.at("a")),
      .b = values_of(json.at("b")),
      .verdict = verdict_of(json.at("verdict")),
      .reason = json.at("reason").get<std::string>(),
      .estimate = std::nullopt,
      .p_adjusted = number_or(json.at("p_adjusted"), 1),
      .mde80 = std::nullopt,
      .samples_needed = std::nullopt};
  if (!json.at("estimate").is_null()) cell.estimate = estimate_of(json.at("estimate"));
  if (const auto percent = number_maybe(json.at("mde80_percent"))) cell.mde80 = *percent / 100;
  if (!json.at("samples_needed").is_null()) {
    cell.samples_needed = json.at("samples_needed").get<std::size_t>();
  }
  return cell;
}

std::vector<GateCell> cells_of(const Json& json) {
  std::vector<GateCell> cells;
  for (const Json& cell : json) cells.push_back(cell_of(cell));
  return cells;
}

GateRule rule_of(const Json& json) {
  const GateAction action = action_of(json.at("action"));
  Result<GateRule> rule = parse_gate_rule(json.at("rule").get<std::string>(), action);
  if (!rule) throw NotSuch{rule.error().message};
  rule->action = action;
  rule->is_optional = json.at("optional").get<bool>();
  rule->source = json.at("source").get<std::string>();
  return *rule;
}

void read_config(const Json& json, GateReport& report) {
  GateOptions& options = report.options;
  options.alpha = number_of(json.at("alpha"));
  options.confidence = number_of(json.at("confidence"));
  report.is_paired = json.at("paired").get<bool>();
  options.pairs = json.at("pairs").get<std::size_t>();
  options.pairs_max = json.at("pairs_max").get<std::size_t>();
  options.looks = json.at("looks").get<std::size_t>();
  report.looks_taken = json.at("looks_taken").get<std::size_t>();
  options.is_conclusion_required = json.at("require_conclusive").get<bool>();
  options.may_outnumber_cores = json.at("ranks_may_outnumber_cores").get<bool>();
  options.may_miss = json.at("cells_may_be_missing").get<bool>();
  options.across = json.at("across").get<std::vector<std::string>>();
  for (const Json& rule : json.at("rules")) options.rules.push_back(rule_of(rule));
}

void read_side(const Json& json, std::string& label, Fingerprint& fingerprint) {
  label = json.at("label").get<std::string>();
  for (const auto& [name, value] : json.at("fields").items()) {
    fingerprint.emplace_back(name, value.get<std::string>());
  }
}

void check_version(const Json& json) {
  const std::string schema = json.at("schema").get<std::string>();
  if (schema != kGateSchema) throw NotSuch{fmt::format("it is '{}'", schema)};
  const std::string version = json.at("schema_version").get<std::string>();
  const auto major = [](std::string_view text) { return text.substr(0, text.find('.')); };
  if (major(version) != major(kGateSchemaVersion)) {
    throw NotSuch{fmt::format(
        "its schema is version {}, and this program reads {}", version, kGateSchemaVersion)};
  }
}

GateReport report_of(const Json& json) {
  check_version(json);
  GateReport report;
  read_side(json.at("environment").at("a"), report.label_a, report.fingerprint_a);
  read_side(json.at("environment").at("b"), report.label_b, report.fingerprint_b);
  read_config(json.at("config"), report);
  report.cells = cells_of(json.at("cells"));
  const Json& check = json.at("self_check");
  if (!check.is_null()) {
    report.self_check = SelfCheck{.is_quiet = check.at("quiet").get<bool>(),
                                  .reason = check.at("reason").get<std::string>(),
                                  .cells = cells_of(check.at("cells"))};
  }
  report.warnings = json.at("warnings").get<std::vector<std::string>>();
  return report;
}

}  // namespace

Result<GateReport> read_gate_json(std::string_view text, const std::string& name) {
  const auto refused = [&](std::string_view what) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{} is no {} document: {}", name, kGateSchema, what));
  };
  try {
    return report_of(Json::parse(text));
  } catch (const NotSuch& error) {
    return refused(error.what);
  } catch (const std::exception& error) {
    // nlohmann begins with [json.exception.out_of_range.403], which tells a reader nothing.
    const std::string_view what = error.what();
    return refused(what.starts_with('[') ? what.substr(what.find(']') + 2) : what);
  }
}

}  // namespace radixbench

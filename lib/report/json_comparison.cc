#include "report/json_comparison.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// From 2^53 on readers of JSON lose digits.
Json count(std::uint64_t value) {
  return value < (1ULL << 53U) ? Json(value) : Json(std::to_string(value));
}

Json run_json(const ComparedName& run) {
  const RunVariables& is = run.variables;
  return {{"name", run.name},
          {"label", run.label},
          {"run_id", run.run_id},
          {"scenario", is.scenario},
          {"layout", is.layout},
          {"agreement", is.agreement},
          {"rules", is.rules},
          {"transport", is.transport},
          {"clock", is.clock},
          {"page_size", is.page_size},
          {"ranks_missing", run.ranks_missing},
          {"ranks_cut_off", run.ranks_cut_off}};
}

Json cell_json(const SummaryCell& cell) {
  if (cell.n == 0) return nullptr;
  return {{"unit", cell.unit},
          {"n", count(cell.n)},
          {"p50", number(cell.p50)},
          {"p95", number(cell.p95)},
          {"p99", number(cell.p99)},
          {"max", number(cell.max)},
          {"mean", number(cell.mean)}};
}

}  // namespace

std::string run_comparison_json(const RunComparison& comparison) {
  Json json{{"schema", "radixbench.comparison"}, {"schema_version", "1.0.0"}};
  json["runs"] = Json::array();
  for (const ComparedName& run : comparison.runs) json["runs"].push_back(run_json(run));
  json["options"] = Json::object();
  for (const auto& [name, by_run] : comparison.options) {
    for (const auto& value : by_run) {
      json["options"][name].push_back(value ? Json(*value) : Json(nullptr));
    }
  }
  json["options_equal"] = comparison.options_equal;
  json["counts"] = Json::object();
  for (const auto& [name, by_run] : comparison.counts) {
    for (const auto& value : by_run) {
      json["counts"][name].push_back(value ? count(*value) : Json(nullptr));
    }
  }
  json["counts_equal"] = comparison.counts_equal;
  json["measured"] = Json::object();
  for (const auto& [name, by_run] : comparison.cells) {
    Json& row = json["measured"][name];
    for (const auto& cell : by_run) {
      row["by_run"].push_back(cell ? cell_json(*cell) : Json(nullptr));
      const std::optional<double> ratio = median_ratio(by_run.front(), cell);
      row["median_ratio"].push_back(ratio ? number(*ratio) : Json(nullptr));
    }
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace radixbench

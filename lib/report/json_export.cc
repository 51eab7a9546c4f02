#include "report/json_export.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kReplace = Json::error_handler_t::replace;

Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  const bool is_whole = value == std::round(value) && std::abs(value) < 9007199254740992.0;
  return is_whole ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

// What was run, without what was measured of it.
std::string variant_of(const CellKey& key) {
  const std::string name = cell_name(key);
  return name.substr(0, name.find("::"));
}
std::string measure_of(const CellKey& key) { return key.metric + "@" + key.stat; }

// 2026-11-25T22:00:00+00:00 of a run id that begins with 20261125T220000Z; else empty.
std::string date_of(std::string_view run_id) {
  constexpr std::size_t kStampBytes = 16;
  if (run_id.size() < kStampBytes || run_id[8] != 'T' || run_id[15] != 'Z') return "";
  const auto piece = [&](std::size_t at, std::size_t bytes) { return run_id.substr(at, bytes); };
  return fmt::format("{}-{}-{}T{}:{}:{}+00:00",
                     piece(0, 4),
                     piece(4, 2),
                     piece(6, 2),
                     piece(9, 2),
                     piece(11, 2),
                     piece(13, 2));
}

std::vector<const Launch*> launches_with_values(const LaunchSet& set) {
  std::vector<const Launch*> launches;
  for (const Launch& launch : set.launches) {
    if (launch.failure.empty()) launches.push_back(&launch);
  }
  return launches;
}

bool is_time(const LaunchCell& cell) { return cell.unit == "ns"; }

// What the launches say of one cell.
struct Values {
  LaunchCell cell;
  std::vector<double> values;  // sorted

  [[nodiscard]] double median() const {
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  }
};
std::vector<Values> by_cell(const LaunchSet& set) {
  std::map<CellKey, std::size_t> places;
  std::vector<Values> cells;
  for (const Launch* launch : launches_with_values(set)) {
    for (const LaunchCell& cell : launch->cells) {
      const auto [place, is_new] = places.try_emplace(cell.key, cells.size());
      if (is_new) cells.push_back({cell, {}});
      cells[place->second].values.push_back(cell.value);
    }
  }
  for (Values& cell : cells) std::ranges::sort(cell.values);
  return cells;
}

Json gbench_context(const LaunchSet& set, const std::string& tool_version) {
  const std::vector<const Launch*> launches = launches_with_values(set);
  Json context{{"date", launches.empty() ? "" : date_of(launches.front()->run_id)},
               {"host_name", ""},
               {"executable", "radixbench"},
               {"num_cpus", launches.empty() ? 0U : launches.front()->cores},
               {"mhz_per_cpu", 0},
               {"cpu_scaling_enabled", false},
               {"caches", Json::array()},
               {"load_avg", Json::array()},
               {"library_version", tool_version},
               {"library_build_type", "release"},
               {"json_schema_version", 1}};
  if (launches.empty()) return context;
  context["fingerprint"] = fingerprint_hash(launches.front()->fingerprint);
  for (const auto& [name, value] : launches.front()->fingerprint) {
    if (!value.empty()) context["radixbench_" + name] = value;
  }
  return context;
}

}  // namespace

std::string gbench_json(const LaunchSet& set, const std::string& tool_version) {
  struct Family {
    std::size_t index = 0, repetitions = 0, seen = 0;
  };
  std::map<CellKey, Family> families;
  const std::vector<const Launch*> launches = launches_with_values(set);
  for (const Launch* launch : launches) {
    for (const LaunchCell& cell : launch->cells) {
      if (!is_time(cell)) continue;
      ++families.try_emplace(cell.key, Family{families.size()}).first->second.repetitions;
    }
  }
  Json benchmarks = Json::array();
  for (const Launch* launch : launches) {
    std::map<std::string, Json> counters;
    for (const LaunchCell& cell : launch->cells) {
      if (!is_time(cell)) {
        counters[variant_of(cell.key)][measure_of(cell.key)] = number(cell.value);
      }
    }
    for (const LaunchCell& cell : launch->cells) {
      if (!is_time(cell)) continue;
      Family& family = families.at(cell.key);
      Json row{{"name", cell_name(cell.key)},
               {"family_index", family.index},
               {"per_family_instance_index", 0},
               {"run_name", cell_name(cell.key)},
               {"run_type", "iteration"},
               {"repetitions", family.repetitions},
               {"repetition_index", family.seen++},
               {"threads", 1},
               {"iterations", cell.samples},
               {"real_time", number(cell.value)},
               {"cpu_time", number(cell.value)},
               {"time_unit", "ns"}};
      const auto counted = counters.find(variant_of(cell.key));
      if (counted != counters.end()) row.update(counted->second);
      benchmarks.push_back(std::move(row));
    }
  }
  const Json document{{"context", gbench_context(set, tool_version)}, {"benchmarks", benchmarks}};
  return document.dump(2, ' ', false, kReplace) + "\n";
}

std::string bmf_json(const LaunchSet& set) {
  Json document = Json::object();
  for (const Values& values : by_cell(set)) {
    document[variant_of(values.cell.key)][measure_of(values.cell.key)] = {
        {"value", number(values.median())},
        {"lower_value", number(values.values.front())},
        {"upper_value", number(values.values.back())}};
  }
  return document.dump(2, ' ', false, kReplace) + "\n";
}

std::string gab_json(const LaunchSet& set) {
  Json document = Json::array();
  for (const Values& values : by_cell(set)) {
    if (values.cell.direction > 0) continue;
    const double half = (values.values.back() - values.values.front()) / 2;
    document.push_back({{"name", cell_name(values.cell.key)},
                        {"unit", values.cell.unit},
                        {"value", number(values.median())},
                        {"range", fmt::format("± {}", half)},
                        {"extra", fmt::format("median of {} launches", values.values.size())}});
  }
  return document.dump(2, ' ', false, kReplace) + "\n";
}

std::string launches_jsonl(const LaunchSet& set) {
  std::string text;
  for (const Launch& launch : set.launches) {
    Json first{{"run_id", launch.run_id},
               {"side", to_string(launch.side)},
               {"pair", launch.pair < 0 ? Json(nullptr) : Json(launch.pair)},
               {"ranks", launch.ranks},
               {"cores", launch.cores},
               {"fingerprint", fingerprint_hash(launch.fingerprint)}};
    if (!launch.failure.empty()) {
      first["failure"] = launch.failure;
      text += first.dump(-1, ' ', false, kReplace) + "\n";
      continue;
    }
    for (const LaunchCell& cell : launch.cells) {
      Json row = first;
      row["cell"] = cell_name(cell.key);
      row["layout"] = cell.key.layout;
      row["metric"] = cell.key.metric;
      row["stat"] = cell.key.stat;
      row["unit"] = cell.unit;
      row["class"] = cell.metric_class == MetricClass::kExact ? "exact" : "noisy";
      row["value"] = number(cell.value);
      row["samples"] = cell.samples;
      text += row.dump(-1, ' ', false, kReplace) + "\n";
    }
  }
  return text;
}

}  // namespace radixbench

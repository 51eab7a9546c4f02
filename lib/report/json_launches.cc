#include "report/json_launches.h"

#include "base/check.h"
#include "base/file_text.h"
#include "report/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

namespace radixbench {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view kSchema = "radixbench.launches";
constexpr std::string_view kSchemaVersion = "1.0.0";

// Far above what a gate can use, far below what would fill memory.
constexpr std::size_t kBytesMax = std::size_t{256} << 20U;
constexpr std::size_t kLaunchesMax = 100'000;
constexpr std::size_t kCellsMax = 100'000;
constexpr std::size_t kAcrossMax = 64;

// Doubles hold every whole number up to this.
constexpr double kExactMax = 9007199254740992.0;

// All that is equal in every launch of a cell.
LaunchCell without_value(LaunchCell cell) {
  cell.value = 0;
  cell.samples = 0;
  return cell;
}

OrderedJson cell_json(const LaunchCell& cell) {
  const CellKey& key = cell.key;
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
          {"stat", key.stat},
          {"unit", cell.unit},
          {"class", cell.metric_class == MetricClass::kExact ? "exact" : "noisy"},
          {"direction", cell.direction},
          {"bench_version", cell.bench_version}};
}

const std::vector<std::string_view> kCellFields{"scenario",
                                                "layout",
                                                "tp",
                                                "cp",
                                                "dp",
                                                "pp",
                                                "rules",
                                                "agreement",
                                                "policy",
                                                "clock",
                                                "transport",
                                                "page_size",
                                                "metric",
                                                "stat",
                                                "unit",
                                                "class",
                                                "direction",
                                                "bench_version"};
const std::vector<std::string_view> kLaunchFields{"run_id",
                                                  "side",
                                                  "pair",
                                                  "ranks",
                                                  "cores",
                                                  "clock_overhead_ns",
                                                  "failure",
                                                  "fingerprint",
                                                  "values"};
const std::vector<std::string_view> kSetFields{
    "schema", "schema_version", "label", "across", "about", "cells", "launches"};

// Launches name their cells by number: a key is long, and there once.
class LaunchesWriter {
 public:
  explicit LaunchesWriter(const LaunchSet& set) : set_{&set} {}

  std::string text() {
    OrderedJson launches = OrderedJson::array();
    for (const Launch& launch : set_->launches) launches.push_back(launch_json(launch));
    OrderedJson about = OrderedJson::object();
    for (const auto& [name, value] : set_->about) about[name] = value;
    const OrderedJson json{{"schema", kSchema},
                           {"schema_version", kSchemaVersion},
                           {"label", set_->label},
                           {"across", set_->across},
                           {"about", std::move(about)},
                           {"cells", std::move(cells_)},
                           {"launches", std::move(launches)}};
    // Bytes that are no UTF-8 can come in with paths and messages.
    return json.dump(1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
  }

 private:
  OrderedJson launch_json(const Launch& launch) {
    OrderedJson fingerprint = OrderedJson::object();
    for (const auto& [name, value] : launch.fingerprint) fingerprint[name] = value;
    OrderedJson values = OrderedJson::array();
    for (const LaunchCell& cell : launch.cells) {
      RADIXBENCH_CHECK(std::isfinite(cell.value));
      OrderedJson value = cell.value;
      if (cell.metric_class == MetricClass::kExact) value = std::llround(cell.value);
      values.push_back(OrderedJson::array({number_of(cell), std::move(value), cell.samples}));
    }
    return {{"run_id", launch.run_id},
            {"side", to_string(launch.side)},
            {"pair", launch.pair},
            {"ranks", launch.ranks},
            {"cores", launch.cores},
            {"clock_overhead_ns", launch.clock_overhead_ns},
            {"failure", launch.failure},
            {"fingerprint", std::move(fingerprint)},
            {"values", std::move(values)}};
  }

  // The same key may be of another unit, class or version in other launches; a cell is all of it.
  std::size_t number_of(const LaunchCell& cell) {
    OrderedJson json = cell_json(without_value(cell));
    const auto [place, is_new] = numbers_.try_emplace(json.dump(), cells_.size());
    if (is_new) cells_.push_back(std::move(json));
    return place->second;
  }

  const LaunchSet* set_;
  OrderedJson cells_ = OrderedJson::array();
  std::map<std::string, std::size_t> numbers_;
};

class LaunchesReader {
 public:
  explicit LaunchesReader(const std::string& name) : fields_{name} {}

  Result<LaunchSet> read(std::string_view text) {
    const Json json = fields_.parse(text);
    LaunchSet set;
    if (fields_.is_fine()) read_set(json, set);
    if (!fields_.is_fine()) return tl::unexpected(fields_.error());
    return set;
  }

 private:
  void read_set(const Json& json, LaunchSet& set) {
    if (!json.is_object()) return fields_.wrong("it", "is no object");
    // Before anything else: a later version may have any fields.
    check_schema(json);
    if (!fields_.is_fine() || !fields_.is_object(json, "it", kSetFields)) return;
    set.label = fields_.text(json, "", "label");
    for (const Json& field : fields_.list(json, "", "across", kAcrossMax)) {
      set.across.push_back(fields_.text_of(field, "across"));
    }
    if (const Json* about = fields_.find(json, "it", "about")) {
      set.about = read_texts(*about, "about");
    }
    const Json& cells = fields_.list(json, "", "cells", kCellsMax);
    for (std::size_t i = 0; i < cells.size() && fields_.is_fine(); ++i) {
      cells_.push_back(read_cell(cells[i], fmt::format("cells[{}]", i)));
    }
    const Json& launches = fields_.list(json, "", "launches", kLaunchesMax);
    for (std::size_t i = 0; i < launches.size() && fields_.is_fine(); ++i) {
      set.launches.push_back(read_launch(launches[i], fmt::format("launches[{}]", i)));
    }
  }

  void check_schema(const Json& json) {
    const std::string schema = fields_.text(json, "", "schema");
    if (schema != kSchema) {
      return fields_.wrong("schema", fmt::format("is '{}', not '{}'", schema, kSchema));
    }
    const std::string version = fields_.text(json, "", "schema_version");
    const auto major = [](std::string_view text) { return text.substr(0, text.find('.')); };
    if (major(version) == major(kSchemaVersion)) return;
    fields_.wrong("schema_version",
                  fmt::format("is {}; this program reads {}.x", version, major(kSchemaVersion)));
  }

  std::vector<std::pair<std::string, std::string>> read_texts(const Json& json,
                                                              const std::string& place) {
    std::vector<std::pair<std::string, std::string>> texts;
    if (!json.is_object()) {
      fields_.wrong(place, "is no object");
      return texts;
    }
    for (const auto& [name, value] : json.items()) {
      texts.emplace_back(name, fields_.text_of(value, fmt::format("{}.{}", place, name)));
    }
    return texts;
  }

  LaunchCell read_cell(const Json& json, const std::string& place) {
    LaunchCell cell;
    if (!fields_.is_object(json, place, kCellFields)) return cell;
    CellKey& key = cell.key;
    key.scenario = fields_.text(json, place, "scenario");
    key.layout = fields_.text(json, place, "layout");
    key.tp = fields_.whole<std::uint32_t>(json, place, "tp", 1);
    key.cp = fields_.whole<std::uint32_t>(json, place, "cp", 1);
    key.dp = fields_.whole<std::uint32_t>(json, place, "dp", 1);
    key.pp = fields_.whole<std::uint32_t>(json, place, "pp", 1);
    key.rules = fields_.text(json, place, "rules");
    key.agreement = fields_.text(json, place, "agreement");
    key.transport = fields_.text(json, place, "transport");
    key.policy = fields_.text(json, place, "policy");
    key.clock = fields_.text(json, place, "clock");
    key.page_size = fields_.whole<std::uint32_t>(json, place, "page_size");
    key.metric = fields_.text(json, place, "metric");
    key.stat = fields_.text(json, place, "stat");
    cell.unit = fields_.text(json, place, "unit");
    const std::string metric_class = fields_.text(json, place, "class");
    if (metric_class == "exact") cell.metric_class = MetricClass::kExact;
    if (metric_class != "exact" && metric_class != "noisy") {
      fields_.wrong(place + ".class", fmt::format("is '{}', not exact or noisy", metric_class));
    }
    cell.direction = fields_.whole<std::int8_t>(json, place, "direction", -1);
    if (cell.direction > 1) fields_.wrong(place + ".direction", "is none of -1, 0, 1");
    cell.bench_version = fields_.whole<std::int32_t>(json, place, "bench_version", 0);
    return cell;
  }

  Launch read_launch(const Json& json, const std::string& place) {
    Launch launch;
    if (!fields_.is_object(json, place, kLaunchFields)) return launch;
    launch.run_id = fields_.text(json, place, "run_id");
    launch.side = read_side(fields_.text(json, place, "side"), place);
    launch.pair = fields_.whole<std::int32_t>(json, place, "pair", -1);
    launch.ranks = fields_.whole<std::uint32_t>(json, place, "ranks", 1);
    launch.cores = fields_.whole<std::uint32_t>(json, place, "cores", 1);
    launch.clock_overhead_ns = fields_.whole<std::int64_t>(json, place, "clock_overhead_ns", 0);
    launch.failure = fields_.text(json, place, "failure");
    if (const Json* fingerprint = fields_.find(json, place, "fingerprint")) {
      launch.fingerprint = read_fingerprint(*fingerprint, place + ".fingerprint");
    }
    const Json& values = fields_.list(json, place, "values", kCellsMax);
    std::vector<bool> seen(cells_.size());
    for (std::size_t i = 0; i < values.size() && fields_.is_fine(); ++i) {
      read_value(values[i], fmt::format("{}.values[{}]", place, i), seen, launch);
    }
    return launch;
  }

  LaunchSide read_side(const std::string& text, const std::string& place) {
    for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB, LaunchSide::kSelfCheck}) {
      if (to_string(side) == text) return side;
    }
    fields_.wrong(place + ".side", fmt::format("is '{}', not A, B or A'", text));
    return LaunchSide::kA;
  }

  // In the order of the fields, whatever the file's is: the hash hangs on it.
  Fingerprint read_fingerprint(const Json& json, const std::string& place) {
    Fingerprint fingerprint;
    if (!fields_.is_object(json, place, fingerprint_fields())) return fingerprint;
    for (const std::string_view field : fingerprint_fields()) {
      const std::string name{field};
      fingerprint.emplace_back(name, fields_.text(json, place, name.c_str()));
    }
    return fingerprint;
  }

  void read_value(const Json& json,
                  const std::string& place,
                  std::vector<bool>& seen,
                  Launch& launch) {
    constexpr std::size_t kParts = 3;
    if (!json.is_array() || json.size() != kParts) {
      return fields_.wrong(place, "is not [cell, value, samples]");
    }
    const auto number = fields_.whole_of<std::size_t>(json[0], place + "[0]", 0);
    if (number >= cells_.size()) {
      return fields_.wrong(place + "[0]", fmt::format("names cell {}, which there is not", number));
    }
    if (seen[number]) return fields_.wrong(place + "[0]", fmt::format("is {} again", number));
    seen[number] = true;
    LaunchCell cell = cells_[number];
    cell.value = fields_.number_of(json[1], place + "[1]");
    cell.samples = fields_.whole_of<std::uint64_t>(json[2], place + "[2]", 0);
    const bool is_whole = std::abs(cell.value) <= kExactMax && std::floor(cell.value) == cell.value;
    if (cell.metric_class == MetricClass::kExact && !is_whole) {
      return fields_.wrong(place + "[1]", "is of an exact metric and no whole number up to 2^53");
    }
    launch.cells.push_back(std::move(cell));
  }

  JsonFields fields_;
  std::vector<LaunchCell> cells_;
};

}  // namespace

std::string launches_json(const LaunchSet& set) { return LaunchesWriter{set}.text(); }

Result<LaunchSet> parse_launches(std::string_view text, const std::string& name) {
  return LaunchesReader{name}.read(text);
}

Result<LaunchSet> read_launches(const std::string& path) {
  std::error_code ignored;
  const std::string file = std::filesystem::is_directory(path, ignored)
                               ? (std::filesystem::path{path} / kLaunchesFile).string()
                               : path;
  const Result<std::string> text = read_file_text(file, kBytesMax);
  if (!text) return tl::unexpected(text.error());
  return parse_launches(*text, file);
}

Result<void> write_launches(const std::string& path, const LaunchSet& set) {
  return replace_file_text(path, launches_json(set));
}

}  // namespace radixbench

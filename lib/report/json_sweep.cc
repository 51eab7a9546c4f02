#include "report/json_sweep.h"

#include "report/json_fields.h"
#include "study/sweep_cells.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <limits>
#include <utility>

namespace radixbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "radixbench.sweep";
constexpr const char* kVersion = "1.0.0";
constexpr std::size_t kWordsMax = 10'000;
constexpr std::size_t kPairsMax = 1'000;

Json cell_json(const SweptCell& cell) {
  Json values = Json::object();
  for (const auto& [axis, value] : cell.values) values[axis] = value;
  Json figures = Json::object();
  for (const auto& [figure, value] : cell.figures) figures[figure] = value;
  return {{"values", values},
          {"progress", to_string(cell.progress)},
          {"reason", cell.reason},
          {"exit_code", cell.exit_code},
          {"seconds", cell.seconds},
          {"run", cell.run},
          {"figures", figures}};
}

class SweepReader {
 public:
  explicit SweepReader(const std::string& name) : fields_{name} {}

  Result<SweepState> read(std::string_view text) {
    const JsonFields::Json json = fields_.parse(text);
    SweepState sweep;
    if (fields_.is_fine()) read_sweep(json, sweep);
    if (!fields_.is_fine()) return tl::unexpected(fields_.error());
    return sweep;
  }

 private:
  using Plain = JsonFields::Json;

  void read_sweep(const Plain& json, SweepState& sweep) {
    constexpr const char* kTop = "";
    if (!fields_.is_object(
            json,
            "it",
            {"schema", "schema_version", "tool", "program_sha256", "options", "cells"})) {
      return;
    }
    if (fields_.text(json, kTop, "schema") != kSchema) fields_.wrong("schema", "is another");
    if (!fields_.text(json, kTop, "schema_version").starts_with("1.")) {
      fields_.wrong("schema_version", "is of another major version than 1");
    }
    sweep.tool = fields_.text(json, kTop, "tool");
    sweep.program_sha256 = fields_.text(json, kTop, "program_sha256");
    for (const Plain& word : fields_.list(json, kTop, "options", kWordsMax)) {
      sweep.options.push_back(fields_.text_of(word, "options"));
    }
    for (const Plain& cell : fields_.list(json, kTop, "cells", kSweepCellsMax)) {
      const std::string place = "cells[" + std::to_string(sweep.cells.size()) + "]";
      sweep.cells.push_back(read_cell(cell, place));
      if (!fields_.is_fine()) return;
    }
  }

  SweptCell read_cell(const Plain& json, const std::string& place) {
    SweptCell cell;
    if (!fields_.is_object(
            json,
            place,
            {"values", "progress", "reason", "exit_code", "seconds", "run", "figures"})) {
      return cell;
    }
    read_values(json, place, cell);
    cell.progress = read_progress(fields_.text(json, place, "progress"), place);
    cell.reason = fields_.text(json, place, "reason");
    cell.exit_code = fields_.whole<std::int32_t>(json, place, "exit_code", -1);
    if (const Plain* seconds = fields_.find(json, place, "seconds"); seconds != nullptr) {
      cell.seconds = fields_.number_of(*seconds, place + ".seconds");
    }
    cell.run = fields_.text(json, place, "run");
    return cell;
  }

  void read_values(const Plain& json, const std::string& place, SweptCell& cell) {
    const Plain* values = fields_.find(json, place, "values");
    const Plain* figures = fields_.find(json, place, "figures");
    if (values == nullptr || figures == nullptr) return;
    if (!values->is_object() || values->size() > kPairsMax) {
      return fields_.wrong(place + ".values", "is no object");
    }
    if (!figures->is_object() || figures->size() > kPairsMax) {
      return fields_.wrong(place + ".figures", "is no object");
    }
    for (const auto& [axis, value] : values->items()) {
      cell.values.emplace_back(axis,
                               fields_.text_of(value, fmt::format("{}.values.{}", place, axis)));
    }
    for (const auto& [figure, value] : figures->items()) {
      cell.figures.emplace_back(
          figure, fields_.number_of(value, fmt::format("{}.figures.{}", place, figure)));
    }
  }

  CellProgress read_progress(const std::string& text, const std::string& place) {
    for (const CellProgress progress : {CellProgress::kPending,
                                        CellProgress::kDone,
                                        CellProgress::kFailed,
                                        CellProgress::kSkipped}) {
      if (text == to_string(progress)) return progress;
    }
    fields_.wrong(place + ".progress", "is none of pending, done, failed, skipped");
    return CellProgress::kPending;
  }

  JsonFields fields_;
};

}  // namespace

std::string sweep_json(const SweepState& sweep) {
  Json cells = Json::array();
  for (const SweptCell& cell : sweep.cells) cells.push_back(cell_json(cell));
  const Json json = {{"schema", kSchema},
                     {"schema_version", kVersion},
                     {"tool", sweep.tool},
                     {"program_sha256", sweep.program_sha256},
                     {"options", sweep.options},
                     {"cells", cells}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<SweepState> parse_sweep(std::string_view text, const std::string& name) {
  return SweepReader{name}.read(text);
}

}  // namespace radixbench

#include "stats/gate_cells.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace radixbench {
namespace {

bool is_in(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The text fields of a key; sizes follow the layout.
std::string* text_field(CellKey& key, std::string_view field) {
  if (field == "scenario") return &key.scenario;
  if (field == "layout") return &key.layout;
  if (field == "rules") return &key.rules;
  if (field == "agreement") return &key.agreement;
  if (field == "transport") return &key.transport;
  if (field == "policy") return &key.policy;
  if (field == "clock") return &key.clock;
  return nullptr;
}

constexpr std::string_view kSizesOfLayout[] = {"tp", "cp", "dp", "pp"};
bool is_size_of_layout(std::string_view field) {
  return std::find(std::begin(kSizesOfLayout), std::end(kSizesOfLayout), field) !=
         std::end(kSizesOfLayout);
}

CellKey subject_of(CellKey key) {
  key.metric.clear();
  key.stat.clear();
  return key;
}

// What the sides' keys say of one field.
struct FieldValues {
  std::set<std::string> a, b;
  [[nodiscard]] bool is_single() const { return a.size() == 1 && b.size() == 1; }
};

FieldValues values_of(std::span<const Launch* const> launches, std::string_view field) {
  FieldValues values;
  for (const Launch* launch : launches) {
    auto& side = launch->side == LaunchSide::kB ? values.b : values.a;
    for (const LaunchCell& cell : launch->cells) side.insert(*field_of(cell.key, field));
  }
  return values;
}

class Gathering {
 public:
  Gathering(std::span<const Launch* const> launches, std::vector<std::string> across)
      : launches_{launches} {
    result_.across = std::move(across);
  }

  Result<GatheredSamples> make() {
    result_.is_paired = std::all_of(
        launches_.begin(), launches_.end(), [](const Launch* launch) { return launch->pair >= 0; });
    if (Result<void> is_known = check_across(); !is_known) {
      return tl::unexpected(is_known.error());
    }
    if (Result<void> is_fine = result_.is_paired ? check_pairs() : Result<void>{}; !is_fine) {
      return tl::unexpected(is_fine.error());
    }
    find_across();
    for (const Launch* launch : launches_) {
      if (launch->failure.empty()) add(*launch);
    }
    for (const Launch* launch : launches_) {
      if (!launch->failure.empty()) add_failed(*launch);
    }
    count_lacking();
    if (result_.is_paired) note_lone_launches();
    return std::move(result_);
  }

 private:
  Result<void> check_across() {
    for (const std::string& field : result_.across) {
      const auto& of_cells = cell_fields();
      const auto& of_fingerprint = fingerprint_fields();
      const bool is_cell = std::find(of_cells.begin(), of_cells.end(), field) != of_cells.end();
      if (!is_cell &&
          std::find(of_fingerprint.begin(), of_fingerprint.end(), field) == of_fingerprint.end()) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("across '{}': cells have {}; fingerprints have {}",
                                field,
                                fmt::join(of_cells, ", "),
                                fmt::join(of_fingerprint, ", ")));
      }
      if (!is_cell) continue;
      const FieldValues values = values_of(launches_, field);
      if (values.a.size() <= 1 && values.b.size() <= 1) continue;
      const bool is_a = values.a.size() > 1;
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("across '{}': {} has several ({}), so no cell has one to be set "
                              "against",
                              field,
                              is_a ? "A" : "B",
                              fmt::join(is_a ? values.a : values.b, ", ")));
    }
    return {};
  }

  Result<void> check_pairs() {
    std::set<std::pair<LaunchSide, std::int32_t>> seen;
    for (const Launch* launch : launches_) {
      if (seen.insert({launch->side, launch->pair}).second) continue;
      return fail(ErrorCode::kCorrupt,
                  fmt::format("launch {}: side {} has pair {} already",
                              launch->run_id,
                              to_string(launch->side),
                              launch->pair));
    }
    return {};
  }

  // Launches that ran in turns were meant to be compared, whatever they differ in.
  void find_across() {
    for (const Launch* launch : launches_) {
      if (launch->side != LaunchSide::kA || launch->cells.empty()) continue;
      first_of_a_ = launch->cells.front().key;
      break;
    }
    for (const std::string_view field : cell_fields()) {
      const FieldValues values = values_of(launches_, field);
      if (!values.is_single() || values.a == values.b) continue;
      if (result_.is_paired && !is_in(result_.across, field)) result_.across.emplace_back(field);
      const std::string& of_a = *values.a.begin();
      const std::string& of_b = *values.b.begin();
      if (is_in(result_.across, field)) {
        changes_.emplace_back(field, fmt::format("{}->{}", of_a, of_b));
      } else if (!is_size_of_layout(field)) {
        result_.warnings.push_back(fmt::format(
            "{}: A {}, B {}; --across {} compares them nevertheless", field, of_a, of_b, field));
      }
    }
    if (!is_in(result_.across, "layout")) return;
    for (const std::string_view size : kSizesOfLayout) {
      if (!is_in(result_.across, size)) result_.across.emplace_back(size);
    }
  }

  // What was cut off in the middle of a pair says nothing, and should not do so in silence.
  void note_lone_launches() {
    std::map<std::int32_t, std::set<LaunchSide>> sides;
    for (const Launch* launch : launches_) sides[launch->pair].insert(launch->side);
    for (const auto& [pair, seen] : sides) {
      const bool is_self_check = seen.contains(LaunchSide::kSelfCheck);
      if (seen.contains(LaunchSide::kA) && (seen.contains(LaunchSide::kB) || is_self_check))
        continue;
      result_.warnings.push_back(fmt::format(
          "pair {} lacks a launch of {}", pair, seen.contains(LaunchSide::kA) ? "B" : "A"));
    }
  }

  // The key that both sides' cells are found under.
  CellKey common(CellKey key) const {
    for (const auto& [field, change] : changes_) {
      if (std::string* text = text_field(key, field)) *text = change;
    }
    const auto take = [&](const char* field, std::uint32_t CellKey::*size) {
      if (is_in(result_.across, field) && first_of_a_) key.*size = (*first_of_a_).*size;
    };
    take("tp", &CellKey::tp);
    take("cp", &CellKey::cp);
    take("dp", &CellKey::dp);
    take("pp", &CellKey::pp);
    take("page_size", &CellKey::page_size);
    return key;
  }

  SideSamples& side_of(CellSamples& cell, LaunchSide side) {
    if (side == LaunchSide::kA) return cell.a;
    return side == LaunchSide::kB ? cell.b : cell.self_check;
  }

  void add(const Launch& launch) {
    for (const LaunchCell& cell : launch.cells) {
      SideSamples& side = side_of(result_.cells[common(cell.key)], launch.side);
      if (!side.cell) {
        side.cell = cell;
      } else {
        note_mixture(side, cell, launch);
      }
      side.samples.push_back({&launch, cell.value});
    }
  }

  void note_mixture(SideSamples& side, const LaunchCell& cell, const Launch& launch) const {
    if (!side.mixture.empty()) return;
    const std::string of_bench =
        cell.bench_version == side.cell->bench_version
            ? ""
            : fmt::format("bench_version: {} and {}", side.cell->bench_version, cell.bench_version);
    const std::string of_unit = cell.unit == side.cell->unit
                                    ? ""
                                    : fmt::format("unit: {} and {}", side.cell->unit, cell.unit);
    side.mixture = of_bench.empty() ? of_unit : of_bench;
    if (!side.mixture.empty()) return;
    side.mixture =
        difference_of(side.samples.front().launch->fingerprint, launch.fingerprint, result_.across);
  }

  void add_failed(const Launch& launch) {
    const auto mark = [&](CellSamples& cell) {
      SideSamples& side = side_of(cell, launch.side);
      if (side.failed == nullptr) side.failed = &launch;
    };
    if (!launch.cells.empty()) {
      for (const LaunchCell& cell : launch.cells) {
        CellSamples& found = result_.cells[common(cell.key)];
        mark(found);
        SideSamples& side = side_of(found, launch.side);
        if (!side.cell) side.cell = cell;
      }
      return;
    }
    if (result_.cells.empty() && result_.failed == nullptr) result_.failed = &launch;
    for (auto& [key, cell] : result_.cells) mark(cell);
  }

  void count_lacking() {
    std::map<std::pair<CellKey, LaunchSide>, std::set<const Launch*>> launches_by_subject;
    for (const Launch* launch : launches_) {
      if (!launch->failure.empty()) continue;
      for (const LaunchCell& cell : launch->cells) {
        launches_by_subject[{subject_of(common(cell.key)), launch->side}].insert(launch);
      }
    }
    for (auto& [key, cell] : result_.cells) {
      for (const LaunchSide side : {LaunchSide::kA, LaunchSide::kB}) {
        SideSamples& samples = side_of(cell, side);
        const std::size_t launches = launches_by_subject[{subject_of(key), side}].size();
        samples.lacking = launches - std::min(launches, samples.samples.size());
      }
    }
  }

  std::span<const Launch* const> launches_;
  GatheredSamples result_;
  std::vector<std::pair<std::string, std::string>> changes_;
  std::optional<CellKey> first_of_a_;
};

}  // namespace

std::vector<double> SideSamples::values() const {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const Sample& sample : samples) values.push_back(sample.value);
  return values;
}

Result<GatheredSamples> gather(std::span<const Launch* const> launches,
                               const std::vector<std::string>& across) {
  std::vector<const Launch*> sorted{launches.begin(), launches.end()};
  std::stable_sort(sorted.begin(), sorted.end(), [](const Launch* x, const Launch* y) {
    return x->pair < y->pair;
  });
  return Gathering{sorted, across}.make();
}

std::string difference_of(const Fingerprint& a,
                          const Fingerprint& b,
                          const std::vector<std::string>& across) {
  const auto value_in = [](const Fingerprint& fingerprint, std::string_view field) {
    for (const auto& [name, value] : fingerprint) {
      if (name == field) return value;
    }
    return std::string{};
  };
  const auto shown = [](const std::string& value) { return value.empty() ? "unknown" : value; };
  std::vector<std::string> differences;
  for (const std::string_view field : fingerprint_fields()) {
    const std::string of_a = value_in(a, field);
    const std::string of_b = value_in(b, field);
    if (of_a == of_b || is_in(across, field)) continue;
    differences.push_back(fmt::format("{}: {} and {}", field, shown(of_a), shown(of_b)));
  }
  return fmt::format("{}", fmt::join(differences, "; "));
}

}  // namespace radixbench

#include "study/sweep_cells.h"

#include "layout/layout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace radixbench {
namespace {

constexpr std::array<std::string_view, 4> kLayoutAxes = {"tp", "cp", "dp", "pp"};

std::string variable_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Result<void> check_axes(const std::vector<Axis>& axes) {
  std::size_t cells = 1;
  const Axis* layout = nullptr;
  const Axis* part = nullptr;
  for (const Axis& axis : axes) {
    const auto same = [&](const Axis& other) { return other.name == axis.name; };
    if (std::count_if(axes.begin(), axes.end(), same) > 1) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("--axis {} is given twice", axis.name));
    }
    if (axis.name == "layout") layout = &axis;
    if (is_layout_axis(axis.name)) part = &axis;
    cells *= axis.values.size();
    if (cells > kSweepCellsMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the axes make more than {} cells", kSweepCellsMax));
    }
  }
  if (layout != nullptr && part != nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--axis layout and --axis {} both set the layout", part->name));
  }
  return {};
}

// What parse_layout says of the cell's layout, with words on how lists of layouts are written: a
// layout with commas in it is easily taken for several.
Result<ParsedLayout> layout_of(const std::string& text) {
  Result<ParsedLayout> parsed = parse_layout(text);
  if (parsed || text.find('=') == std::string::npos) return parsed;
  return fail(parsed.error().code,
              parsed.error().message +
                  "; layouts that contain commas are separated by semicolons: "
                  "--axis 'layout=[tp8;sglang:tp=8,cp=2,dp=2]'");
}

class Expansion {
 public:
  explicit Expansion(const SweepDefinition& sweep) : sweep_{sweep} {
    for (const auto& [name, value] : sweep.options) defaults_[variable_name(name)] = value;
    defaults_["cores"] = std::to_string(sweep.cores);
    defaults_["world"] = std::to_string(sweep.ranks_max.value_or(sweep.cores));
  }

  Result<std::vector<SweepCell>> cells() {
    std::vector<SweepCell> cells;
    std::vector<std::size_t> places(sweep_.axes.size());
    while (true) {
      Result<SweepCell> cell = make_cell(cells.size(), places);
      if (!cell) return tl::unexpected(cell.error());
      cells.push_back(std::move(*cell));
      if (!advance(places)) return cells;
    }
  }

 private:
  // The last axis goes fastest; false after the last combination.
  bool advance(std::vector<std::size_t>& places) const {
    for (std::size_t axis = places.size(); axis-- > 0;) {
      if (++places[axis] < sweep_.axes[axis].values.size()) return true;
      places[axis] = 0;
    }
    return false;
  }

  Result<SweepCell> make_cell(std::size_t number, const std::vector<std::size_t>& places) const {
    SweepCell cell;
    cell.number = number;
    Variables variables = defaults_;
    std::string product;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Axis& axis = sweep_.axes[i];
      const std::string& value = axis.values[places[i]];
      cell.values.emplace_back(axis.name, value);
      variables[variable_name(axis.name)] = value;
      if (is_layout_axis(axis.name))
        product += axis.name + value;
      else
        cell.options.emplace_back(axis.name, value);
    }
    if (!product.empty()) {
      cell.options.emplace_back("layout", product);
      variables["layout"] = product;
    }
    const Result<ParsedLayout> parsed = layout_of(variables["layout"]);
    if (!parsed) return tl::unexpected(parsed.error());
    set_reason(*parsed, cell, variables);
    if (!cell.skip_reason.empty()) return cell;
    if (Result<void> fine = apply_rules(variables, cell); !fine) {
      return tl::unexpected(fine.error());
    }
    return cell;
  }

  void set_reason(const ParsedLayout& parsed, SweepCell& cell, Variables& variables) const {
    if (!parsed.errors.empty()) {
      cell.skip_reason = fmt::format("no valid layout: {}", fmt::join(parsed.errors, "; "));
      return;
    }
    const Layout layout{parsed.sizes};
    cell.ranks = layout.world_size();
    variables["tp"] = std::to_string(layout.attn_tp_size());
    variables["cp"] = std::to_string(layout.attn_cp_size());
    variables["dp"] = std::to_string(layout.attn_dp_size());
    variables["pp"] = std::to_string(layout.sizes().pp);
    variables["ranks"] = std::to_string(cell.ranks);
    if (sweep_.ranks_max && cell.ranks > *sweep_.ranks_max) {
      cell.skip_reason = fmt::format(
          "too many ranks: {} has {}, --world is {}", layout.spec(), cell.ranks, *sweep_.ranks_max);
    }
  }

  Result<void> apply_rules(const Variables& variables, SweepCell& cell) const {
    for (const SkipRule& rule : sweep_.skip_rules) {
      const Result<bool> holds = rule.holds(variables);
      if (!holds) return tl::unexpected(holds.error());
      if (!*holds) continue;
      cell.skip_reason = fmt::format("--skip-if {}", rule.text());
      return {};
    }
    return {};
  }

  const SweepDefinition& sweep_;
  Variables defaults_;
};

}  // namespace

bool is_layout_axis(std::string_view name) {
  return std::find(kLayoutAxes.begin(), kLayoutAxes.end(), name) != kLayoutAxes.end();
}

Result<std::vector<SweepCell>> expand_cells(const SweepDefinition& sweep) {
  if (Result<void> fine = check_axes(sweep.axes); !fine) return tl::unexpected(fine.error());
  return Expansion{sweep}.cells();
}

}  // namespace radixbench

#include "study/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

namespace radixbench {
namespace {

constexpr std::string_view kPowers = "[pow2]";
constexpr std::uint64_t kExponentMax = 62;

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> pieces_of(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t at = text.find(separator);
    pieces.push_back(trimmed(text.substr(0, at)));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

class AxisReader {
 public:
  explicit AxisReader(std::string_view text) : text_{text} {}

  Result<Axis> read() {
    const std::size_t equals = text_.find('=');
    if (equals == std::string_view::npos) return bad("it is not name=values");
    std::string_view name = trimmed(text_.substr(0, equals));
    if (name.ends_with(kPowers)) {
      is_powers_ = true;
      name.remove_suffix(kPowers.size());
    }
    if (Result<void> fine = read_name(name); !fine) return tl::unexpected(fine.error());
    if (Result<void> fine = read_values(trimmed(text_.substr(equals + 1))); !fine) {
      return tl::unexpected(fine.error());
    }
    return std::move(axis_);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> bad(std::string_view what) const {
    return fail(ErrorCode::kInvalidArgument, fmt::format("--axis '{}': {}", text_, what));
  }

  Result<void> read_name(std::string_view name) {
    const auto is_letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_letter)) {
      return bad("its name is not of a-z, 0-9 and '-'");
    }
    axis_.name = std::string{name};
    std::replace(axis_.name.begin(), axis_.name.end(), '_', '-');
    return {};
  }

  Result<void> read_values(std::string_view text) {
    const bool is_open = text.starts_with('[');
    if (is_open != text.ends_with(']')) return bad("a bracket has no partner");
    if (is_open)
      text = trimmed(text.substr(1, text.size() - std::min<std::size_t>(text.size(), 2)));
    const bool has_semicolon = text.find(';') != std::string_view::npos;
    std::vector<std::string_view> pieces = pieces_of(text, has_semicolon ? ';' : ',');
    if (has_semicolon && pieces.back().empty()) pieces.pop_back();
    if (is_open && pieces.size() == 1) {
      const std::vector<std::string_view> bounds = pieces_of(pieces.front(), ':');
      if (is_range(bounds)) return add_range(bounds);
    }
    for (const std::string_view piece : pieces) {
      if (Result<void> fine = add(std::string{piece}); !fine) return fine;
    }
    if (axis_.values.empty()) return bad("it has no value");
    return {};
  }

  static bool is_range(const std::vector<std::string_view>& bounds) {
    return bounds.size() >= 2 && bounds.size() <= 3 &&
           std::all_of(bounds.begin(), bounds.end(), [](std::string_view bound) {
             return number_of(bound).has_value();
           });
  }

  Result<void> add_range(const std::vector<std::string_view>& bounds) {
    const double start = *number_of(bounds[0]);
    const double stop = *number_of(bounds[1]);
    const double step = bounds.size() == 3 ? *number_of(bounds[2]) : 1;
    if (!(step > 0)) return bad("its step is not above 0");
    if (stop < start) return bad("it ends before it starts");
    // 0.1 has no exact double: what is within a millionth of a step of the stop is the stop.
    const double steps = std::floor((stop - start) / step + 1e-6);
    if (!(steps < static_cast<double>(kAxisValuesMax))) {
      return bad(fmt::format("it has more than {} values", kAxisValuesMax));
    }
    for (std::size_t i = 0; i <= static_cast<std::size_t>(steps); ++i) {
      const double value = start + static_cast<double>(i) * step;
      if (Result<void> fine = add(fmt::format("{:.12g}", value)); !fine) return fine;
    }
    return {};
  }

  Result<void> add(std::string value) {
    if (value.empty()) return bad("a value is empty");
    if (is_powers_) {
      std::uint64_t exponent = 0;
      const char* end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, exponent);
      if (error != std::errc{} || stop != end || exponent > kExponentMax) {
        return bad(fmt::format("'{}' is no exponent from 0 to {}", value, kExponentMax));
      }
      value = std::to_string(std::uint64_t{1} << exponent);
    }
    if (std::find(axis_.values.begin(), axis_.values.end(), value) != axis_.values.end()) {
      return bad(fmt::format("'{}' is given twice", value));
    }
    if (axis_.values.size() == kAxisValuesMax) {
      return bad(fmt::format("it has more than {} values", kAxisValuesMax));
    }
    axis_.values.push_back(std::move(value));
    return {};
  }

  std::string_view text_;
  bool is_powers_ = false;
  Axis axis_;
};

}  // namespace

Result<Axis> parse_axis(std::string_view text) { return AxisReader{text}.read(); }

}  // namespace radixbench

#include "replay/plan.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace radixbench {
namespace {

constexpr std::array<std::pair<std::string_view, SkewSpec::What>, 4> kParts = {{
    {"clock", SkewSpec::What::kClock},
    {"storage", SkewSpec::What::kStorage},
    {"write-ack", SkewSpec::What::kWriteAck},
    {"load-ack", SkewSpec::What::kLoadAck},
}};

struct Unit {
  std::string_view name;
  double ns;
};
constexpr std::array<Unit, 4> kUnits = {{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};

tl::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("skew '{}': {}; write e.g. storage:cp=1,+40ms or clock:rank=3,+5ms", text, why));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// "+40ms", "-1.5us", "+50ppm"; false where it is none of these.
bool parse_amount(std::string_view text, SkewSpec& spec) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  if (unit == "ppm" && spec.what == SkewSpec::What::kClock) {
    spec.drift_ppm = value;
    return true;
  }
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    spec.add_ns = static_cast<std::int64_t>(value * known.ns);
    return true;
  }
  return false;
}

bool parse_selector(std::string_view text, SkewSpec& spec) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  const std::optional<std::uint32_t> value = parse_number(text.substr(equals + 1));
  if (!value) return false;
  const std::string_view key = text.substr(0, equals);
  if (key == "rank")
    spec.rank = *value;
  else if (key == "tp")
    spec.tp = *value;
  else if (key == "cp")
    spec.cp = *value;
  else if (key == "dp")
    spec.dp = *value;
  else
    return false;
  return true;
}

bool selects(const SkewSpec& spec, const Coordinates& place) {
  return (!spec.rank || *spec.rank == place.rank) && (!spec.tp || *spec.tp == place.attn_tp_rank) &&
         (!spec.cp || *spec.cp == place.attn_cp_rank) &&
         (!spec.dp || *spec.dp == place.attn_dp_rank);
}

void add(const SkewSpec& spec, RankSkew& skew) {
  switch (spec.what) {
    case SkewSpec::What::kClock:
      skew.clock_ns += spec.add_ns;
      skew.clock_drift_ppm += spec.drift_ppm;
      return;
    case SkewSpec::What::kStorage: skew.storage_ns += spec.add_ns; return;
    case SkewSpec::What::kWriteAck: skew.write_ack_ns += spec.add_ns; return;
    case SkewSpec::What::kLoadAck: skew.load_ack_ns += spec.add_ns; return;
  }
}

}  // namespace

Result<SkewSpec> parse_skew(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return bad(text, "no ':' after what is skewed");
  SkewSpec spec;
  bool is_known = false;
  for (const auto& [name, what] : kParts) {
    if (text.substr(0, colon) != name) continue;
    spec.what = what;
    is_known = true;
  }
  if (!is_known) return bad(text, "what is skewed is none of clock, storage, write-ack, load-ack");
  bool has_amount = false;
  for (const std::string_view part : split(text.substr(colon + 1), ',')) {
    if (part.starts_with('+') || part.starts_with('-')) {
      if (has_amount || !parse_amount(part, spec)) {
        return bad(text, fmt::format("'{}' is no amount (ns, us, ms, s; ppm of a clock)", part));
      }
      has_amount = true;
    } else if (!parse_selector(part, spec)) {
      return bad(text, fmt::format("'{}' is none of rank=N, tp=N, cp=N, dp=N", part));
    }
  }
  if (!has_amount) return bad(text, "no amount");
  if (spec.what != SkewSpec::What::kClock && spec.add_ns < 0) {
    return bad(text, "only a clock can be early");
  }
  return spec;
}

Result<std::vector<RankSkew>> resolve_skews(const std::vector<SkewSpec>& specs,
                                            const Layout& layout) {
  std::vector<RankSkew> skews(layout.world_size());
  for (const SkewSpec& spec : specs) {
    bool is_used = false;
    for (Rank rank = 0; rank < layout.world_size(); ++rank) {
      if (!selects(spec, layout.coordinates(rank))) continue;
      add(spec, skews[rank]);
      is_used = true;
    }
    if (!is_used) {
      return fail(ErrorCode::kConfiguration,
                  fmt::format("a --skew selects no rank of {}", layout.spec()));
    }
  }
  return skews;
}

}  // namespace radixbench

#include "inject/fault_spec.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace radixbench {
namespace {

struct KindName {
  std::string_view name;
  FaultSpec::Kind kind;
  std::string_view effect;
};
constexpr std::array<KindName, 5> kKinds = {{
    {"fail_backup",
     FaultSpec::Kind::kFailBackup,
     "fail_backup:rank=R[,n=N]          the Nth backup of rank R finds no host pages, once"},
    {"fail_prefetch_alloc",
     FaultSpec::Kind::kFailPrefetchAlloc,
     "fail_prefetch_alloc:rank=R[,n=N]  the Nth prefetch of rank R finds no host pages, once"},
    {"miscount_slots",
     FaultSpec::Kind::kMiscountSlots,
     "miscount_slots:rank=R[,n=N]       the Nth count of rank R's free request slots says 0, once"},
    {"slow_calls",
     FaultSpec::Kind::kSlowCalls,
     "slow_calls:rank=R,us=T            rank R is busy for T us more in each collective; 0.5 is "
     "fine"},
    {"kill",
     FaultSpec::Kind::kKill,
     "kill:rank=R,at=MOMENT[,n=N][,after_us=T]  SIGKILL for rank R; MOMENT is rendezvous, groups, "
     "call, prefetch_call, step or shutdown"},
}};

struct MomentName {
  std::string_view name;
  FaultSpec::Moment moment;
};
constexpr std::array<MomentName, 6> kMoments = {{
    {"rendezvous", FaultSpec::Moment::kRendezvous},
    {"groups", FaultSpec::Moment::kGroups},
    {"call", FaultSpec::Moment::kCall},
    {"prefetch_call", FaultSpec::Moment::kPrefetchCall},
    {"step", FaultSpec::Moment::kStep},
    {"shutdown", FaultSpec::Moment::kShutdown},
}};

tl::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("fault '{}': {}; `radixbench inject list` shows all", text, why));
}

template <typename Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

bool parse_field(std::string_view key, std::string_view value, FaultSpec& spec) {
  if (key == "rank") return parse_number(value, spec.rank);
  if (spec.kind == FaultSpec::Kind::kSlowCalls) {
    double us = 0;
    constexpr double kUsMax = 1e6;
    if (key != "us" || !parse_number(value, us) || !(us > 0) || !(us <= kUsMax)) return false;
    spec.delay_ns = static_cast<std::int64_t>(us * 1000);
    return true;
  }
  if (key == "n") return parse_number(value, spec.nth) && spec.nth > 0;
  if (spec.kind != FaultSpec::Kind::kKill) return false;
  if (key == "after_us") return parse_number(value, spec.after_us) && spec.after_us >= 0;
  if (key != "at") return false;
  for (const MomentName& known : kMoments) {
    if (value != known.name) continue;
    spec.moment = known.moment;
    return true;
  }
  return false;
}

}  // namespace

Result<FaultSpec> parse_fault(std::string_view text) {
  const std::size_t colon = text.find(':');
  FaultSpec spec;
  bool is_known = false;
  for (const KindName& known : kKinds) {
    if (text.substr(0, colon) != known.name) continue;
    spec.kind = known.kind;
    is_known = true;
  }
  if (!is_known) return bad(text, "no such fault");
  bool has_rank = false;
  std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    if (equals == std::string_view::npos || !parse_field(key, part.substr(equals + 1), spec)) {
      return bad(text, fmt::format("'{}' does not belong there", part));
    }
    has_rank = has_rank || key == "rank";
  }
  if (!has_rank) return bad(text, "no rank");
  if (spec.kind == FaultSpec::Kind::kSlowCalls && spec.delay_ns == 0) return bad(text, "no us");
  return spec;
}

std::vector<std::string> describe_faults() {
  std::vector<std::string> lines;
  lines.reserve(kKinds.size());
  for (const KindName& kind : kKinds) lines.emplace_back(kind.effect);
  return lines;
}

}  // namespace radixbench

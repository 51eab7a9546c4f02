#include "stats/gate_rules.h"

#include "base/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace radixbench {
namespace {

constexpr std::array<std::string_view, 6> kStats{"p50", "floor", "p95", "p99", "mean", "total"};

// Larger ones are slips of the finger, and e to them no number.
constexpr double kPercentMax = 1e6;
constexpr double kAmountMax = 1e18;

struct Unit {
  std::string_view name, of;
  double factor = 1;
};
constexpr auto kUnits = std::to_array<Unit>({{"ns", "ns", 1},
                                             {"us", "ns", 1e3},
                                             {"µs", "ns", 1e3},
                                             {"ms", "ns", 1e6},
                                             {"s", "ns", 1e9},
                                             {"bytes", "bytes", 1},
                                             {"B", "bytes", 1},
                                             {"KB", "bytes", 1e3},
                                             {"MB", "bytes", 1e6},
                                             {"GB", "bytes", 1e9},
                                             {"KiB", "bytes", 1024},
                                             {"MiB", "bytes", 1024.0 * 1024},
                                             {"GiB", "bytes", 1024.0 * 1024 * 1024},
                                             {"count", "1", 1}});

bool is_glob(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

bool matches(std::string_view glob, std::string_view text) {
  std::size_t at = 0;
  std::size_t in_glob = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;
  while (at < text.size()) {
    if (in_glob < glob.size() && glob[in_glob] == '*') {
      star = in_glob++;
      after_star = at;
    } else if (in_glob < glob.size() && (glob[in_glob] == '?' || glob[in_glob] == text[at])) {
      ++in_glob;
      ++at;
    } else if (star != std::string_view::npos) {
      in_glob = star + 1;
      at = ++after_star;
    } else {
      return false;
    }
  }
  while (in_glob < glob.size() && glob[in_glob] == '*') ++in_glob;
  return in_glob == glob.size();
}

// Reads a rule from the left. The first thing that isn't as it should be is kept, with its place.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_{text} {}

  Result<GateRule> rule(GateAction action) {
    GateRule rule;
    rule.action = action;
    rule.source = std::string{text_};
    selector(rule);
    expect(':', "between what is gated and its limit");
    limit(rule);
    while (is_fine() && at_ < text_.size()) {
      expect(',', "before an option");
      option(rule);
    }
    return is_fine() ? Result<GateRule>{std::move(rule)} : refusal();
  }

  Result<void> only_limit(GateRule& rule) {
    limit(rule);
    if (is_fine() && at_ < text_.size()) wrong("is too much");
    return is_fine() ? Result<void>{} : Result<void>{refusal()};
  }

  Result<GateAmount> only_amount() {
    const GateAmount read = amount();
    if (is_fine() && at_ < text_.size()) wrong("is too much");
    return is_fine() ? Result<GateAmount>{read} : refusal();
  }

 private:
  [[nodiscard]] bool is_fine() const { return problem_.empty(); }
  tl::unexpected<Error> refusal() const {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}', {}", text_, problem_));
  }
  void wrong(std::string_view what) {
    if (!is_fine()) return;
    const std::string_view rest = text_.substr(at_);
    const std::string here = rest.empty() ? std::string{"the end"} : fmt::format("'{}'", rest);
    problem_ = fmt::format("at {}: {} {}", at_ + 1, here, what);
  }

  bool take(char letter) {
    if (at_ >= text_.size() || text_[at_] != letter) return false;
    ++at_;
    return true;
  }
  void expect(char letter, std::string_view where) {
    if (is_fine() && !take(letter)) wrong(fmt::format("where '{}' is due, {}", letter, where));
  }
  bool take_word(std::string_view word) {
    const std::string_view rest = text_.substr(at_);
    const bool ends =
        rest.size() == word.size() || (rest.size() > word.size() && rest[word.size()] == ',');
    if (!rest.starts_with(word) || !ends) return false;
    at_ += word.size();
    return true;
  }
  // Up to one of `ends` or the end; not empty.
  std::string_view word(std::string_view ends, std::string_view what) {
    const std::size_t end = std::min(text_.find_first_of(ends, at_), text_.size());
    const std::string_view found = text_.substr(at_, end - at_);
    if (found.empty()) wrong(fmt::format("where {} is due", what));
    if (is_fine()) at_ = end;
    return found;
  }

  void selector(GateRule& rule) {
    rule.metric = word("@{:,}", "a metric");
    if (is_fine() && take('@')) stats(rule);
    if (!is_fine() || !take('{')) return;
    do condition(rule);
    while (is_fine() && take(','));
    expect('}', "after the conditions");
  }

  void stats(GateRule& rule) {
    do {
      const std::size_t start = at_;
      const std::string_view stat = word("|{:,", "a statistic");
      if (is_fine() && std::find(kStats.begin(), kStats.end(), stat) == kStats.end()) {
        at_ = start;
        wrong(fmt::format("is none of {}", fmt::join(kStats, ", ")));
      }
      rule.stats.emplace_back(stat);
    } while (is_fine() && take('|'));
  }

  void condition(GateRule& rule) {
    const std::size_t start = at_;
    const std::string_view field = word("=,}", "a field");
    const auto& fields = cell_fields();
    if (is_fine() && std::find(fields.begin(), fields.end(), field) == fields.end()) {
      at_ = start;
      return wrong(fmt::format("begins with none of {}", fmt::join(fields, ", ")));
    }
    expect('=', "after a field");
    std::vector<std::string> globs;
    do globs.emplace_back(word("|,}", "a value"));
    while (is_fine() && take('|'));
    rule.where.emplace_back(field, std::move(globs));
  }

  double number(double most) {
    double value = 0;
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    const auto [stop, problem] = std::from_chars(begin, end, value);
    if (problem != std::errc{} || !(value >= 0 && value <= most)) {
      wrong(fmt::format("where a number from 0 to {} is due", most));
      return 0;
    }
    at_ += static_cast<std::size_t>(stop - begin);
    return value;
  }

  GateAmount amount() {
    const double value = number(kAmountMax);
    return is_fine() ? with_unit(value) : GateAmount{};
  }
  GateAmount with_unit(double value) {
    const std::size_t end = std::min(text_.find(',', at_), text_.size());
    const std::string_view name = text_.substr(at_, end - at_);
    for (const Unit& unit : kUnits) {
      if (unit.name != name) continue;
      at_ = end;
      return {value * unit.factor, std::string{unit.of}};
    }
    std::vector<std::string_view> names;
    names.reserve(kUnits.size());
    for (const Unit& unit : kUnits) names.push_back(unit.name);
    wrong(fmt::format("where a unit is due: one of {}", fmt::join(names, ", ")));
    return {};
  }

  void limit(GateRule& rule) {
    if (!is_fine()) return;
    if (take_word("exact")) {
      rule.is_exact = true;
      rule.tolerance = 0;
      return;
    }
    if (take_word("default")) return;
    if (take('+')) rule.direction = -1;
    if (rule.direction == 0 && take('-')) rule.direction = 1;
    const std::size_t start = at_;
    const double value = number(kAmountMax);
    if (!is_fine()) return at_limit();
    if (take('%')) {
      if (value <= kPercentMax) {
        rule.tolerance = value / 100;
        return;
      }
      at_ = start;
      return wrong(fmt::format("is more than {} %", kPercentMax));
    }
    if (rule.direction != 0) return wrong("where '%' is due: only a share has a sign");
    const GateAmount absolute = with_unit(value);
    if (!is_fine()) return at_limit();
    rule.tolerance_absolute = absolute;
  }
  void at_limit() { problem_ += "; a limit is 5%, +5%, -5%, 2us, exact or default"; }

  void option(GateRule& rule) {
    if (!is_fine()) return;
    if (take_word("warn")) {
      rule.action = GateAction::kWarn;
    } else if (take_word("track")) {
      rule.action = GateAction::kTrack;
    } else if (take_word("exact")) {
      rule.is_exact = true;
    } else if (take_word("optional")) {
      rule.is_optional = true;
    } else if (take_name("abs=")) {
      rule.abs_floor = amount();
    } else if (take_name("alpha=")) {
      const std::size_t start = at_;
      const double alpha = number(1);
      if (is_fine() && !(alpha > 0 && alpha < 0.5)) {
        at_ = start;
        wrong("is not above 0 and below 0.5");
      }
      rule.alpha = alpha;
    } else {
      wrong("is none of abs=, alpha=, exact, warn, track, optional");
    }
  }
  bool take_name(std::string_view name) {
    if (!text_.substr(at_).starts_with(name)) return false;
    at_ += name.size();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string problem_;
};

// The shortest text that reads as just this share.
std::string percent_text(double share) {
  constexpr int kDigitsMax = 17;
  for (int digits = 1; digits < kDigitsMax; ++digits) {
    std::string text = fmt::format("{:.{}g}", share * 100, digits);
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    if (value / 100 == share) return text;
  }
  return fmt::format("{:.17g}", share * 100);
}

bool is_stat_meant(const GateRule& rule, const LaunchCell& cell) {
  const std::string& stat = cell.key.stat;
  if (!rule.stats.empty()) {
    return std::find(rule.stats.begin(), rule.stats.end(), stat) != rule.stats.end();
  }
  if (cell.metric_class == MetricClass::kExact || stat == "p50" || stat == "floor") return true;
  // A count that timing moves is worth a verdict only to someone who asks for it.
  return stat == "total" && !is_glob(rule.metric);
}

bool is_kind_meant(const GateRule& rule, const LaunchCell& cell) {
  if (!is_glob(rule.metric)) return true;
  if (rule.is_exact != (cell.metric_class == MetricClass::kExact)) return false;
  if (rule.tolerance_absolute && rule.tolerance_absolute->unit != cell.unit) return false;
  return !rule.abs_floor || rule.abs_floor->unit == cell.unit;
}

bool is_place_meant(const GateRule& rule, const CellKey& key) {
  return std::all_of(rule.where.begin(), rule.where.end(), [&](const auto& condition) {
    const std::optional<std::string> value = field_of(key, condition.first);
    return std::any_of(condition.second.begin(),
                       condition.second.end(),
                       [&](const std::string& glob) { return value && matches(glob, *value); });
  });
}

}  // namespace

Result<GateRule> parse_gate_rule(std::string_view text, GateAction action) {
  return RuleReader{text}.rule(action);
}

Result<void> parse_gate_limit(std::string_view text, GateRule& rule) {
  return RuleReader{text}.only_limit(rule);
}

Result<GateAmount> parse_gate_amount(std::string_view text) {
  return RuleReader{text}.only_amount();
}

std::string to_string(const GateAmount& amount) {
  return fmt::format("{}{}", amount.value, amount.unit == "1" ? "count" : amount.unit);
}

std::string gate_limit_text(const GateRule& rule) {
  if (rule.tolerance_absolute) return to_string(*rule.tolerance_absolute);
  if (rule.is_exact && rule.tolerance.value_or(0) == 0) return "exact";
  if (!rule.tolerance) return "default";
  const char* sign = rule.direction == 0 ? "" : rule.direction < 0 ? "+" : "-";
  return fmt::format("{}{}%", sign, percent_text(*rule.tolerance));
}

std::string to_string(const GateRule& rule) {
  std::string text = rule.metric;
  if (!rule.stats.empty()) text += fmt::format("@{}", fmt::join(rule.stats, "|"));
  std::vector<std::string> conditions;
  for (const auto& [field, globs] : rule.where) {
    conditions.push_back(fmt::format("{}={}", field, fmt::join(globs, "|")));
  }
  if (!conditions.empty()) text += fmt::format("{{{}}}", fmt::join(conditions, ","));
  text += ":" + gate_limit_text(rule);
  if (rule.abs_floor) text += ",abs=" + to_string(*rule.abs_floor);
  if (rule.is_exact && gate_limit_text(rule) != "exact") text += ",exact";
  if (rule.alpha) text += fmt::format(",alpha={}", *rule.alpha);
  if (rule.action == GateAction::kWarn) text += ",warn";
  if (rule.action == GateAction::kTrack) text += ",track";
  if (rule.is_optional) text += ",optional";
  return text;
}

bool is_matched(const GateRule& rule, const LaunchCell& cell) {
  return matches(rule.metric, cell.key.metric) && is_stat_meant(rule, cell) &&
         is_kind_meant(rule, cell) && is_place_meant(rule, cell.key);
}

const GateRule* rule_of(const std::vector<GateRule>& rules, const LaunchCell& cell) {
  const auto last = std::find_if(
      rules.rbegin(), rules.rend(), [&](const GateRule& rule) { return is_matched(rule, cell); });
  return last == rules.rend() ? nullptr : &*last;
}

std::vector<GateRule> preset_rules(GatePreset preset) {
  const double tolerance = preset == GatePreset::kStrict    ? 0.02
                           : preset == GatePreset::kDefault ? 0.05
                                                            : 0.10;
  const char* name = preset == GatePreset::kStrict    ? "strict"
                     : preset == GatePreset::kDefault ? "default"
                                                      : "permissive";
  const auto rule = [&](std::string metric, GateAction action) {
    GateRule made;
    made.metric = std::move(metric);
    made.tolerance = tolerance;
    made.action = action;
    made.is_optional = true;
    made.source = fmt::format("preset {}", name);
    return made;
  };
  GateRule counts = rule("*", GateAction::kFail);
  counts.is_exact = true;
  counts.tolerance = 0;
  // Few times fail, for each costs the others power; globs, so that what a virtual run computes
  // stays exact.
  return {std::move(counts),
          rule("*", GateAction::kTrack),
          rule("agreement_per_step_max*", GateAction::kFail),
          rule("drain_per_step_max*", GateAction::kFail),
          rule("confirm_delay*", GateAction::kFail)};
}

Result<GatePreset> parse_preset(std::string_view text) {
  if (text == "strict") return GatePreset::kStrict;
  if (text == "default") return GatePreset::kDefault;
  if (text == "permissive") return GatePreset::kPermissive;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no preset: strict, default, permissive", text));
}

std::vector<std::size_t> look_sizes(const GateOptions& options, std::size_t pairs) {
  RADIXBENCH_CHECK(options.looks > 0 && options.pairs_max >= options.pairs);
  std::vector<std::size_t> sizes;
  for (std::size_t look = 0; look + 1 < options.looks; ++look) {
    const std::size_t size =
        options.pairs + (options.pairs_max - options.pairs) * look / (options.looks - 1);
    if (size >= pairs) break;
    sizes.push_back(size);
  }
  sizes.push_back(pairs);
  return sizes;
}

}  // namespace radixbench

#include "report/gate_config.h"

#include "base/toml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace radixbench {
namespace {

constexpr std::string_view kVersion = "1";
// Beyond it the exact distributions take minutes.
constexpr std::size_t kPairsMax = 100'000;
constexpr std::size_t kLooksMax = 100;

// Takes values out of a parsed file; what is wrong first is kept, with its line.
class ConfigReader {
 public:
  explicit ConfigReader(std::string name) : name_{std::move(name)} {}

  Result<GateConfig> read(const TomlValue& file) {
    const TomlValue* version = file.find("version");
    if (version == nullptr)
      return fail(ErrorCode::kConfiguration, name_ + ":1: version is missing");
    if (version->text != kVersion || version->kind != TomlKind::kInteger) {
      wrong(*version, fmt::format("version is {}; this program reads {}", version->text, kVersion));
    }
    GateConfig config;
    for (const auto& [key, value] : file.entries) {
      if (key != "version") set(key, value, config);
    }
    if (!problem_.empty()) return fail(ErrorCode::kConfiguration, problem_);
    return config;
  }

 private:
  void wrong(const TomlValue& where, const std::string& what) {
    if (problem_.empty()) problem_ = fmt::format("{}:{}: {}", name_, where.line, what);
  }

  void set(const std::string& key, const TomlValue& value, GateConfig& config) {
    if (key == "preset") {
      config.preset = text(key, value);
      if (*config.preset == "none") return;
      if (const Result<GatePreset> preset = parse_preset(*config.preset); !preset) {
        wrong(value, preset.error().message + ", none");
      }
    } else if (key == "alpha") {
      config.alpha = share(key, value, 0.5);
    } else if (key == "confidence") {
      config.confidence = share(key, value, 1);
    } else if (key == "pairs") {
      config.pairs = count(key, value, kPairsMax);
    } else if (key == "max_pairs") {
      config.pairs_max = count(key, value, kPairsMax);
    } else if (key == "looks") {
      config.looks = count(key, value, kLooksMax);
    } else if (key == "require_conclusive") {
      config.is_conclusion_required = boolean(key, value);
    } else if (key == "may_outnumber_cores") {
      config.may_outnumber_cores = boolean(key, value);
    } else if (key == "lenient") {
      config.may_miss = boolean(key, value);
    } else if (key == "across") {
      config.across = texts(key, value);
    } else if (key == "rule") {
      rules(value, config);
    } else {
      wrong(value, fmt::format("unknown key '{}'", key));
    }
  }

  void rules(const TomlValue& value, GateConfig& config) {
    if (value.kind != TomlKind::kList) return wrong(value, "rule is no list: write [[rule]]");
    for (const TomlValue& table : value.items) {
      if (table.kind != TomlKind::kTable) return wrong(table, "a rule is no table");
      config.rules.push_back(rule(table));
    }
  }

  GateRule rule(const TomlValue& table) {
    GateRule rule;
    rule.source = fmt::format("{}:{}", name_, table.line);
    if (table.find("metric") == nullptr) wrong(table, "a rule without metric");
    // Whether a limit is exact hangs on the class, so that comes last.
    for (const auto& [key, value] : table.entries) set_in_rule(key, value, rule);
    if (const TomlValue* metric_class = table.find("class")) set_class(*metric_class, rule);
    return rule;
  }

  void set_in_rule(const std::string& key, const TomlValue& value, GateRule& rule) {
    if (key == "metric") {
      rule.metric = text(key, value);
      if (rule.metric.empty()) wrong(value, "metric is empty");
    } else if (key == "stat") {
      rule.stats = texts(key, value);
      for (const std::string& stat : rule.stats) check_stat(value, stat);
    } else if (key == "where") {
      conditions(value, rule);
    } else if (key == "max_regress") {
      limit(value, rule);
    } else if (key == "abs_floor") {
      const Result<GateAmount> amount = parse_gate_amount(text(key, value));
      if (!amount) return wrong(value, "abs_floor " + amount.error().message);
      rule.abs_floor = *amount;
    } else if (key == "alpha") {
      rule.alpha = share(key, value, 0.5);
    } else if (key == "action") {
      action(value, rule);
    } else if (key == "optional") {
      rule.is_optional = boolean(key, value);
    } else if (key != "class") {
      wrong(value, fmt::format("unknown key '{}' in a rule", key));
    }
  }

  void set_class(const TomlValue& value, GateRule& rule) {
    const std::string metric_class = text("class", value);
    if (metric_class == "exact") {
      rule.is_exact = true;
      if (!rule.tolerance && !rule.tolerance_absolute) rule.tolerance = 0;
    } else if (metric_class != "noisy") {
      wrong(value, fmt::format("class is '{}', not exact or noisy", metric_class));
    } else if (rule.is_exact) {
      wrong(value, "class is noisy and max_regress exact");
    }
  }

  void limit(const TomlValue& value, GateRule& rule) {
    const Result<void> read = parse_gate_limit(text("max_regress", value), rule);
    if (!read) wrong(value, "max_regress " + read.error().message);
  }

  void action(const TomlValue& value, GateRule& rule) {
    const std::string action = text("action", value);
    if (action == "fail") {
      rule.action = GateAction::kFail;
    } else if (action == "warn") {
      rule.action = GateAction::kWarn;
    } else if (action == "track") {
      rule.action = GateAction::kTrack;
    } else {
      wrong(value, fmt::format("action is '{}', not fail, warn or track", action));
    }
  }

  void check_stat(const TomlValue& value, const std::string& stat) {
    const Result<GateRule> probe = parse_gate_rule("x@" + stat + ":5%", GateAction::kFail);
    if (!probe || probe->stats.size() != 1) {
      wrong(value, fmt::format("stat '{}' is none of p50, floor, p95, p99, mean, total", stat));
    }
  }

  void conditions(const TomlValue& value, GateRule& rule) {
    if (value.kind != TomlKind::kTable) return wrong(value, "where is no table");
    const auto& fields = cell_fields();
    for (const auto& [field, globs] : value.entries) {
      if (std::find(fields.begin(), fields.end(), field) == fields.end()) {
        wrong(globs, fmt::format("where '{}': it is none of {}", field, fmt::join(fields, ", ")));
      }
      rule.where.emplace_back(field, texts(field, globs));
      if (rule.where.back().second.empty()) wrong(globs, fmt::format("where {} is empty", field));
    }
  }

  std::string text(const std::string& key, const TomlValue& value) {
    if (value.kind == TomlKind::kText) return value.text;
    wrong(value, key + " is no text");
    return "";
  }

  bool boolean(const std::string& key, const TomlValue& value) {
    if (value.kind != TomlKind::kBoolean) wrong(value, key + " is neither true nor false");
    return value.text == "true";
  }

  // A text or a number, or several of them.
  std::vector<std::string> texts(const std::string& key, const TomlValue& value) {
    if (value.kind == TomlKind::kText || value.kind == TomlKind::kInteger) return {value.text};
    std::vector<std::string> all;
    if (value.kind != TomlKind::kList) wrong(value, key + " is no text and no list of texts");
    for (const TomlValue& item : value.items) {
      if (item.kind != TomlKind::kText && item.kind != TomlKind::kInteger) {
        wrong(item, key + " has something that is no text");
      }
      all.push_back(item.text);
    }
    return all;
  }

  double share(const std::string& key, const TomlValue& value, double below) {
    double number = 0;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    const bool is_number = value.kind == TomlKind::kFloat || value.kind == TomlKind::kInteger;
    if (!is_number || !(number > 0 && number < below)) {
      wrong(value, fmt::format("{} is no number above 0 and below {}", key, below));
    }
    return number;
  }

  std::size_t count(const std::string& key, const TomlValue& value, std::size_t most) {
    std::size_t number = 0;
    const auto [end, problem] =
        std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
    const bool is_number = value.kind == TomlKind::kInteger && problem == std::errc{} &&
                           end == value.text.data() + value.text.size();
    if (!is_number || number < 1 || number > most) {
      wrong(value, fmt::format("{} is no whole number from 1 to {}", key, most));
    }
    return number;
  }

  std::string name_;
  std::string problem_;
};

std::string list_text(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  quoted.reserve(items.size());
  for (const std::string& item : items) quoted.push_back(toml_text(item));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

std::string rule_text(const GateRule& rule) {
  std::string text = fmt::format("\n[[rule]]\nmetric = {}\n", toml_text(rule.metric));
  if (!rule.stats.empty()) text += fmt::format("stat = {}\n", list_text(rule.stats));
  std::vector<std::string> conditions;
  for (const auto& [field, globs] : rule.where) {
    conditions.push_back(fmt::format("{} = {}", field, list_text(globs)));
  }
  if (!conditions.empty()) text += fmt::format("where = {{ {} }}\n", fmt::join(conditions, ", "));
  text += fmt::format("max_regress = {}\n", toml_text(gate_limit_text(rule)));
  if (rule.is_exact) text += "class = \"exact\"\n";
  if (rule.abs_floor)
    text += fmt::format("abs_floor = {}\n", toml_text(to_string(*rule.abs_floor)));
  if (rule.alpha) text += fmt::format("alpha = {}\n", *rule.alpha);
  const char* action = rule.action == GateAction::kFail   ? "fail"
                       : rule.action == GateAction::kWarn ? "warn"
                                                          : "track";
  text += fmt::format("action = \"{}\"\n", action);
  if (rule.is_optional) text += "optional = true\n";
  return text;
}

// What a file says was checked as it was read; a command line was not.
Result<void> check(const GateOptions& options) {
  const auto refuse = [](std::string what) {
    return fail(ErrorCode::kInvalidArgument, std::move(what));
  };
  if (!(options.alpha > 0 && options.alpha < 0.5)) {
    return refuse(fmt::format("alpha {} is not above 0 and below 0.5", options.alpha));
  }
  if (!(options.confidence > 0 && options.confidence < 1)) {
    return refuse(fmt::format("confidence {} is not above 0 and below 1", options.confidence));
  }
  if (options.pairs < 1 || options.pairs_max > kPairsMax || options.pairs > options.pairs_max) {
    return refuse(fmt::format("pairs {} and max_pairs {}: from 1 to {}, and not less than pairs",
                              options.pairs,
                              options.pairs_max,
                              kPairsMax));
  }
  if (options.looks >= 1 && options.looks <= kLooksMax) return {};
  return refuse(fmt::format("looks {} is not from 1 to {}", options.looks, kLooksMax));
}

template <typename T>
void take(std::optional<T>& weak, const std::optional<T>& strong) {
  if (strong) weak = strong;
}

}  // namespace

Result<GateConfig> parse_gate_config(std::string_view text, const std::string& name) {
  const Result<TomlValue> file = parse_toml(text, name);
  if (!file) return tl::unexpected(file.error());
  return ConfigReader{name}.read(*file);
}

GateConfig merged(GateConfig weak, const GateConfig& strong) {
  take(weak.preset, strong.preset);
  take(weak.alpha, strong.alpha);
  take(weak.confidence, strong.confidence);
  take(weak.pairs, strong.pairs);
  take(weak.pairs_max, strong.pairs_max);
  take(weak.looks, strong.looks);
  take(weak.is_conclusion_required, strong.is_conclusion_required);
  take(weak.may_outnumber_cores, strong.may_outnumber_cores);
  take(weak.may_miss, strong.may_miss);
  weak.across.insert(weak.across.end(), strong.across.begin(), strong.across.end());
  weak.rules.insert(weak.rules.end(), strong.rules.begin(), strong.rules.end());
  return weak;
}

Result<GateOptions> gate_options(const GateConfig& config) {
  GateOptions options;
  const std::string preset = config.preset.value_or("default");
  if (preset != "none") {
    const Result<GatePreset> known = parse_preset(preset);
    if (!known) return tl::unexpected(known.error());
    options.rules = preset_rules(*known);
  }
  options.rules.insert(options.rules.end(), config.rules.begin(), config.rules.end());
  options.alpha = config.alpha.value_or(options.alpha);
  options.confidence = config.confidence.value_or(options.confidence);
  options.pairs = config.pairs.value_or(options.pairs);
  options.pairs_max = config.pairs_max.value_or(options.pairs);
  const std::size_t step = std::max<std::size_t>(options.pairs, 1);
  options.looks = config.looks.value_or((options.pairs_max + step - 1) / step);
  options.is_conclusion_required = config.is_conclusion_required.value_or(false);
  options.may_outnumber_cores = config.may_outnumber_cores.value_or(false);
  options.may_miss = config.may_miss.value_or(false);
  options.across = config.across;
  if (Result<void> checked = check(options); !checked) return tl::unexpected(checked.error());
  return options;
}

std::string gate_config_text(const GateOptions& options) {
  std::string text = fmt::format(
      "version = {}\npreset = \"none\"\nalpha = {}\nconfidence = {}\npairs = {}\nmax_pairs = {}\n"
      "looks = {}\nrequire_conclusive = {}\nmay_outnumber_cores = {}\nlenient = {}\nacross = {}\n",
      kVersion,
      options.alpha,
      options.confidence,
      options.pairs,
      options.pairs_max,
      options.looks,
      options.is_conclusion_required,
      options.may_outnumber_cores,
      options.may_miss,
      list_text(options.across));
  for (const GateRule& rule : options.rules) text += rule_text(rule);
  return text;
}

}  // namespace radixbench

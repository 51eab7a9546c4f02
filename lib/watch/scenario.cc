#include "watch/scenario.h"

#include "layout/layout.h"
#include "watch/scenario_events.h"
#include "watch/scenario_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace radixbench {
namespace {

// One argument, as `what`.
Result<std::string> only_word(std::vector<std::string> words, std::string_view what) {
  Arguments arguments{std::move(words)};
  auto word = arguments.take_word();
  if (!word) return fail(ErrorCode::kCorrupt, fmt::format("{} is missing", what));
  if (auto empty = arguments.check_empty(); !empty) return tl::unexpected(empty.error());
  return *std::move(word);
}

Result<std::chrono::nanoseconds> only_time(std::vector<std::string> words) {
  const auto time = parse_word(only_word(std::move(words), "how long"), parse_time);
  if (!time) return tl::unexpected(time.error());
  return time->low;
}

Result<std::vector<std::string>> split_commas(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char letter : text) {
    if (letter == ',') {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

Result<Expectation> parse_expectation(const std::vector<std::string>& words, bool is_warning) {
  Expectation expectation;
  expectation.is_warning = is_warning;
  if (words == std::vector<std::string>{"none"}) return expectation;
  bool has_class = false;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return fail(ErrorCode::kCorrupt, fmt::format("'{}' is no field=value", word));
    }
    const std::string field = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (field == "class") {
      const auto verdict = parse_verdict_class(value);
      if (!verdict) {
        return fail(ErrorCode::kCorrupt, fmt::format("'{}' is no class of verdict", value));
      }
      expectation.verdict = *verdict;
      has_class = true;
    } else if (is_verdict_field(field)) {
      expectation.fields.emplace_back(field, value);
    } else {
      return fail(ErrorCode::kCorrupt, fmt::format("a verdict has no field '{}'", field));
    }
  }
  if (!has_class) return fail(ErrorCode::kCorrupt, "class= is missing");
  return expectation;
}

class Parser {
 public:
  Result<void> add(std::string_view text, std::size_t number) {
    auto words = split_words(text);
    if (!words) return tl::unexpected(words.error());
    if (words->empty()) return {};
    const std::string first = std::move(words->front());
    words->erase(words->begin());
    if (is_header(first)) {
      if (!scenario_.lines.empty()) {
        return fail(ErrorCode::kCorrupt,
                    fmt::format("'{}' stands before all that ranks do", first));
      }
      return add_header(first, text, *std::move(words));
    }
    return add_line(first, *std::move(words), number);
  }

  Result<Scenario> finish() && {
    if (scenario_.name.empty()) return fail(ErrorCode::kCorrupt, "'scenario NAME' is missing");
    if (scenario_.layout.empty()) return fail(ErrorCode::kCorrupt, "'layout SPEC' is missing");
    if (depth_ != 0) return fail(ErrorCode::kCorrupt, "a 'repeat' has no 'end'");
    return std::move(scenario_);
  }

  // Of the whole text, once every line was taken: what one line says and another must bear out.
  [[nodiscard]] Result<void> check(const ScenarioLine& line) const {
    if (const auto* call = std::get_if<ScenarioCall>(&line.event)) return check_call(line, *call);
    if (const auto* after = std::get_if<ScenarioAfter>(&line.event)) {
      if (marks_.contains(after->name)) return {};
      return fail(ErrorCode::kCorrupt, fmt::format("nobody marks '{}'", after->name));
    }
    return {};
  }
  [[nodiscard]] const std::vector<ScenarioLine>& lines() const { return scenario_.lines; }

 private:
  static bool is_header(std::string_view word) {
    constexpr std::array<std::string_view, 10> kHeaders{"scenario",
                                                        "about",
                                                        "layout",
                                                        "deadline",
                                                        "watchdog",
                                                        "late_after",
                                                        "transports",
                                                        "site",
                                                        "expect",
                                                        "expect_warning"};
    return std::ranges::find(kHeaders, word) != kHeaders.end();
  }

  Result<void> add_header(std::string_view word,
                          std::string_view text,
                          std::vector<std::string> words) {
    if (word == "scenario") return set(only_word(std::move(words), "a name"), scenario_.name);
    if (word == "deadline") return set(only_time(std::move(words)), scenario_.call_deadline);
    if (word == "watchdog") return set(only_time(std::move(words)), scenario_.watchdog);
    if (word == "late_after") return set(only_time(std::move(words)), scenario_.late_after);
    if (word == "about") {
      for (const std::string& one : words) {
        scenario_.about += (scenario_.about.empty() ? "" : " ") + one;
      }
      return {};
    }
    if (word == "layout") return set_layout(only_word(std::move(words), "a layout"));
    if (word == "transports") {
      return set(parse_word(only_word(std::move(words), "a transport"), split_commas),
                 scenario_.transports);
    }
    if (word == "site") {
      auto contract = parse_contract_line(text);
      if (!contract) return tl::unexpected(contract.error());
      scenario_.contracts.push_back(*std::move(contract));
      return {};
    }
    auto expectation = parse_expectation(words, word == "expect_warning");
    if (!expectation) return tl::unexpected(expectation.error());
    scenario_.expectations.push_back(*std::move(expectation));
    return {};
  }

  template <typename Parsed, typename Value>
  static Result<void> set(Parsed parsed, Value& into) {
    if (!parsed) return tl::unexpected(parsed.error());
    into = *std::move(parsed);
    return {};
  }

  Result<void> set_layout(const Result<std::string>& spec) {
    if (!spec) return tl::unexpected(spec.error());
    const auto layout = make_layout(*spec);
    if (!layout) return fail(ErrorCode::kCorrupt, layout.error().message);
    scenario_.layout = *spec;
    scenario_.world_size = layout->world_size();
    return {};
  }

  Result<void> add_line(std::string first, std::vector<std::string> words, std::size_t number) {
    if (scenario_.layout.empty()) {
      return fail(ErrorCode::kCorrupt, "'layout SPEC' stands before all that ranks do");
    }
    ScenarioLine line;
    line.line = number;
    if (first.front() == '!') line.when = ScenarioWhen::kWithFault;
    if (first.front() == '~') line.when = ScenarioWhen::kWithoutFault;
    if (line.when != ScenarioWhen::kAlways) first.erase(0, 1);
    if (first.empty() && !words.empty()) {  // a blank after the mark
      first = std::move(words.front());
      words.erase(words.begin());
    }
    if (first == "repeat" || first == "end") {
      return add_block(first, std::move(words), std::move(line));
    }
    if (auto who = set_who(first, line); !who) return who;
    if (words.empty()) return fail(ErrorCode::kCorrupt, "what the ranks do is missing");
    const std::string verb = std::move(words.front());
    words.erase(words.begin());
    auto event = parse_event(verb, std::move(words));
    if (!event) return tl::unexpected(event.error());
    line.event = *std::move(event);
    return keep(std::move(line));
  }

  Result<void> add_block(std::string_view word, std::vector<std::string> words, ScenarioLine line) {
    if (word == "repeat") {
      const auto count = parse_word(only_word(std::move(words), "how often"), parse_count);
      if (!count) return tl::unexpected(count.error());
      line.event = ScenarioRepeat{*count};
      ++depth_;
    } else {
      if (!words.empty() || depth_ == 0 || line.when != ScenarioWhen::kAlways) {
        return fail(ErrorCode::kCorrupt, "'end' closes a 'repeat' and says no more");
      }
      line.event = ScenarioRepeatEnd{};
      --depth_;
    }
    scenario_.lines.push_back(std::move(line));
    return {};
  }

  // 0,2-3/prefetch or */prefetch
  [[nodiscard]] Result<void> set_who(std::string_view text, ScenarioLine& line) const {
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos) line.thread = text.substr(slash + 1);
    if (line.thread.empty()) return fail(ErrorCode::kCorrupt, "a thread without a name");
    const std::string_view who = text.substr(0, slash);
    if (who == "*") return {};
    auto ranks = parse_ranks(who);
    if (!ranks) return tl::unexpected(ranks.error());
    if (auto fits = check_ranks(*ranks); !fits) return fits;
    line.ranks = *std::move(ranks);
    std::ranges::sort(line.ranks);
    return {};
  }

  [[nodiscard]] Result<void> check_ranks(const std::vector<Rank>& ranks) const {
    for (const Rank rank : ranks) {
      if (rank < scenario_.world_size) continue;
      return fail(ErrorCode::kCorrupt,
                  fmt::format("rank {} is not in a world of {}", rank, scenario_.world_size));
    }
    return {};
  }

  Result<void> keep(ScenarioLine line) {
    if (const auto* create = std::get_if<ScenarioCreate>(&line.event)) {
      if (auto fits = check_ranks(create->members); !fits) return fits;
      for (const Rank rank : create->members) {
        if (line.is_of(rank)) members_[create->group].insert(rank);
      }
    }
    if (const auto* call = std::get_if<ScenarioCall>(&line.event)) {
      if (auto fits = check_ranks({call->peer}); !fits) return fits;
    }
    if (const auto* mark = std::get_if<ScenarioMark>(&line.event)) marks_.insert(mark->name);
    scenario_.lines.push_back(std::move(line));
    return {};
  }

  [[nodiscard]] Result<void> check_call(const ScenarioLine& line, const ScenarioCall& call) const {
    for (Rank rank = 0; rank < scenario_.world_size; ++rank) {
      if (!line.is_of(rank)) continue;
      const auto known = members_.find(call.group);
      if (known != members_.end() && known->second.contains(rank)) continue;
      return fail(ErrorCode::kCorrupt,
                  fmt::format("rank {} never creates a group '{}' with itself", rank, call.group));
    }
    return {};
  }

  Scenario scenario_;
  std::size_t depth_ = 0;
  std::map<std::string, std::set<Rank>> members_;  // who ever is in a group of that name
  std::set<std::string> marks_;
};

tl::unexpected<Error> at(std::string_view source, std::size_t line, const Error& error) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}:{}: {}", source, line, error.message));
}

}  // namespace

bool ScenarioLine::is_of(Rank rank) const {
  return ranks.empty() || std::ranges::binary_search(ranks, rank);
}

bool ScenarioLine::operator==(const ScenarioLine& other) const {
  return when == other.when && ranks == other.ranks && thread == other.thread &&
         event == other.event;
}

Result<Scenario> parse_scenario(std::string_view text, std::string_view source) {
  Parser parser;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    if (auto added = parser.add(line, number); !added) return at(source, number, added.error());
  }
  for (const ScenarioLine& line : parser.lines()) {
    if (auto sound = parser.check(line); !sound) return at(source, line.line, sound.error());
  }
  auto scenario = std::move(parser).finish();
  if (!scenario) return at(source, number, scenario.error());
  return scenario;
}

DiagnoseOptions diagnose_options(const Scenario& scenario,
                                 const Layout& layout,
                                 double time_scale) {
  DiagnoseOptions options;
  options.contracts = scenario.contracts;
  for (Contract& builtin : builtin_contracts()) {
    if (find_contract(scenario.contracts, builtin.site) != nullptr) continue;
    options.contracts.push_back(std::move(builtin));
  }
  options.layout = &layout;
  options.watchdog_ns = scenario.watchdog.count();
  if (scenario.late_after.count() != 0) {
    options.late_after_ns =
        static_cast<std::int64_t>(static_cast<double>(scenario.late_after.count()) * time_scale);
  }
  return options;
}

}  // namespace radixbench

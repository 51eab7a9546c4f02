#include "watch/scenario_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace radixbench {
namespace {

// More than a line can sensibly name; a slip of the finger would else fill memory.
constexpr Rank kRanksMax = 4096;

template <typename Number>
std::optional<Number> read_whole(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

tl::unexpected<Error> wrong(std::string_view text, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("'{}' is not {}", text, what));
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator)) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

// name=value, where a name is made of small letters: sglang:tp=4 is a word.
bool is_named(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::ranges::all_of(word.substr(0, equals), [](char letter) {
           return (letter >= 'a' && letter <= 'z') || letter == '_';
         });
}

// `word` up to the one that begins with #; a comment inside of quotes is none.
struct Splitter {
  std::vector<std::string> words;
  std::string word;
  bool is_in_word = false;
  bool is_quoted = false;

  void end_word() {
    if (is_in_word) words.push_back(std::exchange(word, {}));
    is_in_word = false;
  }
};

std::optional<std::chrono::nanoseconds> read_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits = {
      {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}}};
  for (const auto& [unit, factor] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto count = read_whole<std::uint32_t>(text.substr(0, text.size() - unit.size()));
    if (count) return std::chrono::nanoseconds{std::int64_t{*count} * factor};
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view line) {
  Splitter split;
  for (const char letter : line) {
    const bool is_blank = letter == ' ' || letter == '\t' || letter == '\r';
    if (letter == '"') {
      split.is_quoted = !split.is_quoted;
      split.is_in_word = true;
    } else if (is_blank && !split.is_quoted) {
      split.end_word();
    } else if (letter == '#' && !split.is_in_word) {
      break;
    } else {
      split.word += letter;
      split.is_in_word = true;
    }
  }
  if (split.is_quoted) return fail(ErrorCode::kCorrupt, "a quote is never closed");
  split.end_word();
  return std::move(split.words);
}

Result<std::vector<Rank>> parse_ranks(std::string_view text) {
  std::vector<Rank> ranks;
  for (const std::string_view part : split_at(text, ",")) {
    const std::size_t dash = part.find('-');
    const auto first = read_whole<Rank>(part.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : read_whole<Rank>(part.substr(dash + 1));
    if (!first || !last || *last < *first || *last >= kRanksMax) {
      return wrong(text, "a list of ranks, as 0,2-3");
    }
    for (Rank rank = *first; rank <= *last; ++rank) ranks.push_back(rank);
  }
  return ranks;
}

Result<ScenarioNumber> parse_number(std::string_view text) {
  using Base = ScenarioNumber::Base;
  constexpr std::array<std::pair<std::string_view, Base>, 3> kNames = {
      {{"$step", Base::kStep}, {"$rank", Base::kRank}, {"$i", Base::kLoop}}};
  for (const auto& [name, base] : kNames) {
    if (!text.starts_with(name)) continue;
    std::string_view rest = text.substr(name.size());
    if (rest.empty()) return ScenarioNumber{.base = base};
    if (rest.front() == '+') rest.remove_prefix(1);
    if (const auto offset = read_whole<std::int64_t>(rest)) {
      return ScenarioNumber{.base = base, .low = *offset};
    }
  }
  const std::size_t dots = text.find("..");
  const auto low = read_whole<std::int64_t>(text.substr(0, dots));
  if (low && dots == std::string_view::npos) return ScenarioNumber{.low = *low};
  if (low) {
    const auto high = read_whole<std::int64_t>(text.substr(dots + 2));
    if (high && *high >= *low) {
      return ScenarioNumber{.base = Base::kDrawn, .low = *low, .high = *high};
    }
  }
  return wrong(text, "a number, a range a..b, $i, $step or $rank");
}

Result<std::vector<ScenarioNumber>> parse_numbers(std::string_view text) {
  std::vector<ScenarioNumber> numbers;
  for (const std::string_view part : split_at(text, ",")) {
    auto number = parse_number(part);
    if (!number) return tl::unexpected(number.error());
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::uint64_t> parse_count(std::string_view text) {
  const auto count = read_whole<std::uint64_t>(text);
  if (!count) return wrong(text, "a whole number");
  return *count;
}

Result<ScenarioTime> parse_time(std::string_view text) {
  const std::size_t dots = text.find("..");
  const auto low = read_duration(text.substr(0, dots));
  const auto high = dots == std::string_view::npos ? low : read_duration(text.substr(dots + 2));
  if (!low || !high || *high < *low) return wrong(text, "a time, as 300ms or 20us..50us");
  return ScenarioTime{.low = *low, .high = *high};
}

std::optional<std::string> Arguments::take_word() {
  const auto found = std::ranges::find_if_not(words_, is_named);
  if (found == words_.end()) return std::nullopt;
  std::string word = std::move(*found);
  words_.erase(found);
  return word;
}

std::optional<std::string> Arguments::take_named(std::string_view name) {
  const auto found = std::ranges::find_if(words_, [&](const std::string& word) {
    return word.starts_with(name) && word.size() > name.size() && word[name.size()] == '=';
  });
  if (found == words_.end()) return std::nullopt;
  std::string value = found->substr(name.size() + 1);
  words_.erase(found);
  return value;
}

Result<std::string> Arguments::need_word(std::string_view what) {
  auto word = take_word();
  if (!word) return fail(ErrorCode::kCorrupt, fmt::format("{} is missing", what));
  return *std::move(word);
}

Result<std::string> Arguments::need_named(std::string_view name) {
  auto value = take_named(name);
  if (!value) return fail(ErrorCode::kCorrupt, fmt::format("{}= is missing", name));
  return *std::move(value);
}

Result<void> Arguments::check_empty() const {
  if (words_.empty()) return {};
  return fail(ErrorCode::kCorrupt, fmt::format("'{}' does not belong here", words_.front()));
}

}  // namespace radixbench

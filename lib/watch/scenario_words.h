#pragma once

#include "base/result.h"
#include "watch/scenario.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// The words of a scenario's line: separated by blanks, up to a word that begins with `#`; double
// quotes hold blanks together and are no part of the word.
Result<std::vector<std::string>> split_words(std::string_view line);

// 0,2-3 as ranks in that order. kCorrupt where it is none, as are the next three.
Result<std::vector<Rank>> parse_ranks(std::string_view text);
Result<ScenarioNumber> parse_number(std::string_view text);
Result<std::vector<ScenarioNumber>> parse_numbers(std::string_view text);
Result<std::uint64_t> parse_count(std::string_view text);
// 300ms, 20us..50us
Result<ScenarioTime> parse_time(std::string_view text);

// What `parse` makes of a word that may be missing.
template <typename Parse>
auto parse_word(const Result<std::string>& word, Parse parse) -> decltype(parse(*word)) {
  if (!word) return tl::unexpected(word.error());
  return parse(*word);
}

// A line's arguments, taken one by one; what is left at the end does not belong there.
class Arguments {
 public:
  explicit Arguments(std::vector<std::string> words) : words_{std::move(words)} {}

  // The first word that is not name=value.
  std::optional<std::string> take_word();
  // The value of name=value.
  std::optional<std::string> take_named(std::string_view name);
  // As take_word(), or kCorrupt saying that `what` is missing.
  Result<std::string> need_word(std::string_view what);
  Result<std::string> need_named(std::string_view name);
  // kCorrupt naming what is left.
  [[nodiscard]] Result<void> check_empty() const;

 private:
  std::vector<std::string> words_;
};

}  // namespace radixbench

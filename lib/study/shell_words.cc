#include "study/shell_words.h"

#include <fmt/format.h>

#include <algorithm>

namespace radixbench {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

std::string quoted(const std::string& word) {
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return text + "'";
}

std::string_view name_of(std::string_view word) { return word.substr(0, word.find('=')); }

}  // namespace

Result<std::vector<std::string>> split_shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool is_open = false;  // a word has begun, which may be empty: ''
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool is_blank = c == ' ' || c == '\t' || c == '\n';
    if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
      is_open = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      is_open = true;
    } else if (!is_blank) {
      word += c;
      is_open = true;
    } else if (is_open) {
      words.push_back(std::move(word));
      word.clear();
      is_open = false;
    }
  }
  if (quote != 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}': a quote is not closed", line));
  }
  if (is_open) words.push_back(std::move(word));
  return words;
}

std::string join_shell_words(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + quoted(word);
  return line;
}

std::vector<std::string> overridden(const std::vector<std::string>& options,
                                    const std::vector<std::string>& overriding) {
  std::vector<std::string> words;
  for (const std::string& option : options) {
    const bool is_named =
        std::any_of(overriding.begin(), overriding.end(), [&](const std::string& word) {
          return word.starts_with("--") && name_of(word) == name_of(option);
        });
    if (!is_named) words.push_back(option);
  }
  words.insert(words.end(), overriding.begin(), overriding.end());
  return words;
}

}  // namespace radixbench

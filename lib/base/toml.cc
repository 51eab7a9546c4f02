#include "base/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace radixbench {
namespace {

constexpr std::size_t kDepthMax = 32;  // of lists and tables within each other

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}
bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::uint32_t point, std::string& text) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0U | point >> 6U);
  } else if (point < 0x10000) {
    put(0xE0U | point >> 12U);
    put(0x80U | (point >> 6U & 0x3FU));
  } else {
    put(0xF0U | point >> 18U);
    put(0x80U | (point >> 12U & 0x3FU));
    put(0x80U | (point >> 6U & 0x3FU));
  }
  put(0x80U | (point & 0x3FU));
}

// Digits with single underscores between them, taken out; nothing where they stand elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    const bool is_between =
        i > 0 && i + 1 < text.size() && is_hex_digit(text[i - 1]) && is_hex_digit(text[i + 1]);
    if (!is_between) return std::nullopt;
  }
  return digits;
}

std::optional<std::string> integer_of(std::string_view text) {
  int base = 10;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (text.starts_with("0x")) base = 16;
  if (text.starts_with("0o")) base = 8;
  if (text.starts_with("0b")) base = 2;
  if (base != 10) digits.remove_prefix(2);
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  const std::string_view bare = digits.starts_with('-') ? digits.substr(1) : digits;
  if (bare.empty() || (base == 10 && bare.size() > 1 && bare.front() == '0')) return std::nullopt;
  if (base != 10 && digits.starts_with('-')) return std::nullopt;
  return std::to_string(value);
}

std::optional<std::string> float_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::string_view bare = text.starts_with('-') ? text.substr(1) : text;
  const std::size_t dot = bare.find('.');
  const bool has_digits = !bare.empty() && is_digit(bare.front()) && is_digit(bare.back()) &&
                          (dot == std::string_view::npos || is_digit(bare[dot - 1])) &&
                          (dot == std::string_view::npos || is_digit(bare[dot + 1])) &&
                          !(bare.size() > 1 && bare.front() == '0' && is_digit(bare[1]));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Without either it is a whole number beyond 64 bits.
  if (text.find_first_of(".eE") == std::string_view::npos) return std::nullopt;
  if (!has_digits || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::isfinite(value) ? std::optional{std::string{text}} : std::nullopt;
}

// Thrown and caught in this file only.
struct Wrong {
  std::size_t line;
  std::string what;
};

class TomlReader {
 public:
  explicit TomlReader(std::string_view text) : text_{text} {}

  TomlValue read() {
    TomlValue root;
    root.line = 1;
    TomlValue* table = &root;
    while (skip_blank_lines()) {
      if (peek() == '[') {
        table = &header(root);
      } else {
        entry(*table);
      }
      end_of_line();
    }
    return root;
  }

 private:
  [[noreturn]] void wrong(std::string what) const { throw Wrong{line_, std::move(what)}; }

  [[nodiscard]] bool is_over() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return is_over() ? '\0' : text_[at_]; }
  char next() {
    if (is_over()) wrong("ends in the middle of something");
    const char c = text_[at_++];
    if (c == '\n') ++line_;
    return c;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    for (std::size_t i = 0; i < word.size(); ++i) next();
    return true;
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  void skip_comment() {
    if (peek() != '#') return;
    while (!is_over() && peek() != '\n') ++at_;
  }
  // To the next thing, which need not be on this line; false at the end.
  bool skip_blank_lines() {
    while (true) {
      skip_blanks();
      skip_comment();
      if (take("\r\n") || take("\n")) continue;
      return !is_over();
    }
  }
  void end_of_line() {
    skip_blanks();
    skip_comment();
    if (is_over() || take("\r\n") || take("\n")) return;
    wrong(fmt::format("'{}' stands where the line must end", peek()));
  }

  std::string simple_key() {
    if (peek() == '"' || peek() == '\'') return quoted();
    std::string key;
    while (is_bare(peek())) key += next();
    if (key.empty()) wrong("a key is missing");
    return key;
  }
  std::vector<std::string> key() {
    std::vector<std::string> keys{simple_key()};
    skip_blanks();
    while (take(".")) {
      skip_blanks();
      keys.push_back(simple_key());
      skip_blanks();
    }
    if (keys.size() > kDepthMax) wrong("tables are nested too deeply");
    return keys;
  }

  // The table that `keys` but for the last lead to, made where it isn't there.
  TomlValue& descend(TomlValue& from, const std::vector<std::string>& keys) {
    TomlValue* table = &from;
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
      TomlValue* found = entry_of(*table, keys[i]);
      if (found == nullptr) {
        found = &add(*table, keys[i], TomlKind::kTable);
        found->is_implied = true;
      }
      // The tables of a list are told apart by order: the last is meant.
      if (found->kind == TomlKind::kList && !found->is_sealed) found = &found->items.back();
      if (found->kind != TomlKind::kTable || found->is_sealed) {
        wrong(fmt::format("'{}' is no table that can be added to", keys[i]));
      }
      table = found;
    }
    return *table;
  }

  [[nodiscard]] TomlValue made(TomlKind kind) const {
    TomlValue value;
    value.kind = kind;
    value.line = line_;
    return value;
  }
  static TomlValue* entry_of(TomlValue& table, std::string_view name) {
    const auto found =
        std::ranges::find_if(table.entries, [&](const auto& entry) { return entry.first == name; });
    return found == table.entries.end() ? nullptr : &found->second;
  }
  TomlValue& add(TomlValue& table, const std::string& name, TomlKind kind) {
    if (entry_of(table, name) != nullptr) wrong(fmt::format("'{}' is given twice", name));
    table.entries.push_back({name, made(kind)});
    return table.entries.back().second;
  }

  TomlValue& header(TomlValue& root) {
    next();
    const bool is_list = take("[");
    skip_blanks();
    const std::vector<std::string> keys = key();
    if (!take(is_list ? "]]" : "]")) wrong("a table's heading has no end");
    TomlValue& parent = descend(root, keys);
    if (!is_list) {
      TomlValue* implied = entry_of(parent, keys.back());
      if (implied == nullptr || !implied->is_implied) {
        return add(parent, keys.back(), TomlKind::kTable);
      }
      implied->is_implied = false;
      return *implied;
    }
    TomlValue* list = entry_of(parent, keys.back());
    if (list == nullptr) list = &add(parent, keys.back(), TomlKind::kList);
    const bool is_of_tables = list->kind == TomlKind::kList && !list->is_sealed;
    if (!is_of_tables) wrong(fmt::format("'{}' is no list of tables", keys.back()));
    list->items.push_back(made(TomlKind::kTable));
    return list->items.back();
  }

  void entry(TomlValue& table) {
    const std::vector<std::string> keys = key();
    if (!take("=")) wrong(fmt::format("'{}' has no '='", keys.back()));
    skip_blanks();
    TomlValue& place = add(descend(table, keys), keys.back(), TomlKind::kText);
    const std::size_t line = place.line;
    place = value(0);
    place.line = line;
  }

  TomlValue value(std::size_t depth) {
    if (depth > kDepthMax) wrong("lists are nested too deeply");
    TomlValue is = made(TomlKind::kText);
    switch (peek()) {
      case '"':
      case '\'': is.text = quoted(); return is;
      case '[': list(is, depth); return is;
      case '{': inline_table(is, depth); return is;
      default: plain(is); return is;
    }
  }

  void list(TomlValue& is, std::size_t depth) {
    is.kind = TomlKind::kList;
    is.is_sealed = true;
    next();
    while (true) {
      if (!skip_blank_lines()) wrong("a list has no end");
      if (take("]")) return;
      is.items.push_back(value(depth + 1));
      if (!skip_blank_lines()) wrong("a list has no end");
      if (take(",")) continue;
      if (!take("]")) wrong(fmt::format("'{}' stands where a ',' or ']' must", peek()));
      return;
    }
  }

  void inline_table(TomlValue& is, std::size_t depth) {
    is.kind = TomlKind::kTable;
    is.is_sealed = true;
    next();
    skip_blanks();
    if (take("}")) return;
    while (true) {
      skip_blanks();
      const std::string name = simple_key();
      skip_blanks();
      if (!take("=")) wrong(fmt::format("'{}' has no '='", name));
      skip_blanks();
      TomlValue& place = add(is, name, TomlKind::kText);
      place = value(depth + 1);
      skip_blanks();
      if (take("}")) break;
      if (!take(",")) wrong(fmt::format("'{}' stands where a ',' or '}}' must", peek()));
    }
  }

  // true, false or a number.
  void plain(TomlValue& is) {
    std::string word;
    while (is_bare(peek()) || peek() == '+' || peek() == '.' || peek() == ':') word += next();
    if (word.empty())
      wrong(is_over() || peek() == '\n' ? "a value is missing"
                                        : fmt::format("'{}' begins no value", peek()));
    is.text = word;
    is.kind = TomlKind::kBoolean;
    if (word == "true" || word == "false") return;
    const std::optional<std::string> digits = without_underscores(word);
    if (const auto whole = digits ? integer_of(*digits) : std::nullopt) {
      is.kind = TomlKind::kInteger;
      is.text = *whole;
      return;
    }
    if (const auto real = digits ? float_of(*digits) : std::nullopt) {
      is.kind = TomlKind::kFloat;
      is.text = *real;
      return;
    }
    wrong(fmt::format("'{}' is neither a number nor true or false; text stands in quotes", word));
  }

  std::string quoted() {
    const char quote = next();
    const std::string_view three = quote == '"' ? "\"\"" : "''";
    if (text_.substr(at_).starts_with(three)) wrong("strings of several lines are not read here");
    std::string text;
    while (true) {
      if (is_over() || peek() == '\n') wrong("a string has no end");
      const char c = next();
      if (c == quote) return text;
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte == 0x7F) wrong("a string has a control character");
      if (c == '\\' && quote == '"') {
        escape(text);
      } else {
        text += c;
      }
    }
  }

  void escape(std::string& text) {
    const char c = next();
    switch (c) {
      case 'b': text += '\b'; return;
      case 't': text += '\t'; return;
      case 'n': text += '\n'; return;
      case 'f': text += '\f'; return;
      case 'r': text += '\r'; return;
      case '"': text += '"'; return;
      case '\\': text += '\\'; return;
      case 'u': return append_utf8(code_point(4), text);
      case 'U': return append_utf8(code_point(8), text);
      default: wrong(fmt::format("'\\{}' is no escape", c));
    }
  }

  std::uint32_t code_point(std::size_t digits) {
    const std::string_view text = text_.substr(at_, digits);
    std::uint32_t point = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), point, 16);
    const bool is_whole = text.size() == digits && end == text.data() + digits;
    if (!is_whole || error != std::errc{} || point > 0x10FFFF ||
        (point >= 0xD800 && point <= 0xDFFF)) {
      wrong("an escape names no character");
    }
    at_ += digits;
    return point;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

const TomlValue* TomlValue::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(entries, [&](const auto& entry) { return entry.first == name; });
  return found == entries.end() ? nullptr : &found->second;
}

Result<TomlValue> parse_toml(std::string_view text, const std::string& name) {
  try {
    return TomlReader{text}.read();
  } catch (const Wrong& wrong) {
    return fail(ErrorCode::kConfiguration, fmt::format("{}:{}: {}", name, wrong.line, wrong.what));
  }
}

std::string toml_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\u{:04X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace radixbench

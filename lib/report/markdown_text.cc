#include "report/markdown_text.h"

#include <fmt/format.h>

#include <cctype>

namespace radixbench {
namespace {

constexpr std::size_t kTextBytesMax = 300;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::string markdown_text(std::string_view whole) {
  const std::string_view text = cut_text(whole, kTextBytesMax);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      // GitHub looks for @name after Markdown is done, so an entity alone hides no mention; behind
      // a letter it sees none, and a cell's name stays what it was when it is copied.
      case '@': out += i > 0 && is_word(text[i - 1]) ? "&#64;" : "&#64;&#8203;"; break;
      case '`': out += "&#96;"; break;
      case '|': out += "&#124;"; break;
      case '*':
      case '_':
      case '~':
      case '[':
      case ']':
      case '\\': out += fmt::format("\\{}", c); break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  if (text.size() < whole.size()) out += "...";
  return out;
}

std::string markdown_id(std::string_view id) {
  std::string kept;
  for (const char c : id) {
    if (is_word(c) || c == '.' || c == '/') kept += c;
    // Two in a row would end the comment that the marker is.
    if (c == '-' && (kept.empty() || kept.back() != '-')) kept += c;
  }
  return std::string{cut_text(kept, kTextBytesMax)};
}

std::string markdown_table(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    text += "|";
    for (const std::string& cell : rows[i]) text += " " + markdown_text(cell) + " |";
    text += "\n";
    if (i > 0) continue;
    text += "|";
    for (std::size_t column = 0; column < rows[i].size(); ++column) {
      text += column == 0 ? ":--|" : "--:|";
    }
    text += "\n";
  }
  return text;
}

}  // namespace radixbench

#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

enum class TomlKind : std::uint8_t { kText, kInteger, kFloat, kBoolean, kList, kTable };

// What a piece of TOML says, and on which line, for messages about it.
struct TomlEntry;
struct TomlValue {
  TomlKind kind = TomlKind::kTable;
  std::size_t line = 0;  // from 1
  // Of a text its bytes, else how the value is written: 1000 for 1_000, 16 for 0x10, true, 0.5.
  std::string text;
  std::vector<TomlValue> items;    // of a list
  std::vector<TomlEntry> entries;  // of a table, in order, no name twice
  // Of a table or list: it stands in braces, complete. Of a table: it has no heading of its own
  // yet.
  bool is_sealed = false, is_implied = false;

  // The entry of that name; nullptr where there is none.
  [[nodiscard]] const TomlValue* find(std::string_view name) const;
};
struct TomlEntry {
  std::string first;  // its name
  TomlValue second;
};

// TOML 1.0 without dates, times and strings of several lines, which are refused in words; lists may
// take several lines. `name` stands in messages: kConfiguration, "name:line: what".
Result<TomlValue> parse_toml(std::string_view text, const std::string& name);

// As a basic string, quoted and escaped.
std::string toml_text(std::string_view text);

}  // namespace radixbench

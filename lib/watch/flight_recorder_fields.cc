#include "watch/flight_recorder_fields.h"

#include "watch/flight_recorder_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace radixbench {
namespace {

using Kind = PlainValue::Kind;

}  // namespace

std::optional<std::int64_t> number_of(const PlainValue* value) {
  if (value == nullptr) return std::nullopt;
  if (value->kind == Kind::kInt || value->kind == Kind::kBool) return value->number;
  if (value->kind == Kind::kText) return parse_number<std::int64_t>(value->text);
  return std::nullopt;
}

std::string_view text_of(const PlainValue* value) {
  return value != nullptr && value->kind == Kind::kText ? std::string_view{value->text}
                                                        : std::string_view{};
}

bool is_sequence(const PlainValue* value) {
  return value != nullptr && (value->kind == Kind::kList || value->kind == Kind::kTuple);
}

std::string_view first_of(const PlainTree& tree, const PlainValue* texts) {
  return is_sequence(texts) && !texts->items.empty() ? text_of(&tree[texts->items.front()])
                                                     : std::string_view{};
}

std::uint32_t count_of(const PlainTree& tree, const PlainValue* sizes) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (!is_sequence(sizes)) return 0;
  std::uint64_t sum = 0;
  for (const std::uint32_t item : sizes->items) {
    if (!is_sequence(&tree[item])) continue;
    std::uint64_t count = 1;
    for (const std::uint32_t dimension : tree[item].items) {
      const std::int64_t size = std::max<std::int64_t>(number_of(&tree[dimension]).value_or(0), 0);
      count = std::min(count * std::min(static_cast<std::uint64_t>(size), kMost), kMost);
    }
    sum = std::min(sum + count, kMost);
  }
  return static_cast<std::uint32_t>(sum);
}

std::string sizes_text(const PlainTree& tree, const PlainValue* sizes) {
  std::string text;
  if (!is_sequence(sizes)) return text;
  for (const std::uint32_t item : sizes->items) {
    text += '[';
    const PlainValue& tensor = tree[item];
    for (std::size_t i = 0; is_sequence(&tensor) && i < tensor.items.size(); ++i) {
      fmt::format_to(std::back_inserter(text),
                     "{}{}",
                     i == 0 ? "" : ",",
                     number_of(&tree[tensor.items[i]]).value_or(0));
    }
    text += ']';
  }
  return text;
}

}  // namespace radixbench

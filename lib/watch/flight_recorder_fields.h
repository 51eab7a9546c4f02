#pragma once

#include "watch/plain_tree.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace radixbench {

// Values of a flight recorder's dump; each takes null, and values of another kind, for nothing.

// Some writers spell numbers as text.
std::optional<std::int64_t> number_of(const PlainValue* value);
std::string_view text_of(const PlainValue* value);
bool is_sequence(const PlainValue* value);
// The text that a list begins with.
std::string_view first_of(const PlainTree& tree, const PlainValue* texts);
// Elements of all tensors together; the most that a recording can say where there are more.
std::uint32_t count_of(const PlainTree& tree, const PlainValue* sizes);
// [2,64][3]
std::string sizes_text(const PlainTree& tree, const PlainValue* sizes);

}  // namespace radixbench

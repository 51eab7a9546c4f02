#pragma once

#include "base/ids.h"
#include "comm/communicator.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace radixbench {

// How PyTorch's flight recorder spells things.

// The whole of `text` as a number.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The digits that end it.
std::string_view trailing_digits(std::string_view text);

struct KindOfName {
  std::string_view name;
  CallKind kind;
  bool is_nearest = false;  // a recording has no kind of its own for it
};

// Of an operation's name without its backend.
KindOfName kind_of(std::string_view name);

// Whether members of one call of this kind may pass tensors of their own sizes.
bool is_uneven(std::string_view name);

// Whether this backend notes when a call is over; with the others a retired call is all there is.
bool tells_completion(std::string_view backend);

// The digits that end a dump's name before a ".json", ".pickle" or ".pkl"; nothing where they are
// no rank.
std::optional<Rank> rank_of_dump(const std::string& path);

// `[0, 1, 2]`; empty where it is anything else, and nothing where ranks are too many or too high
// for any job.
std::optional<std::vector<Rank>> members_of(std::string_view text);

// PyTorch numbers the groups that it names itself, over the world; any other name makes a number
// that is the same on every rank, too.
std::uint32_t ordinal_of(std::string_view name);

// Frames that say nothing about who called: PyTorch's own, and those of decorators.
bool is_frame_of_torch(std::string_view file);

}  // namespace radixbench

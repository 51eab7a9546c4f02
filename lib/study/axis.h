#pragma once

#include "base/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// More values than this on an axis are a slip of the finger: each is at least one run.
constexpr std::size_t kAxisValuesMax = 10'000;

// What a sweep varies: an option, and the values that it takes.
struct Axis {
  std::string name;                 // with '-' between words, as options are spelt
  std::vector<std::string> values;  // at least one, none twice
};

// name=VALUES or name[pow2]=VALUES. VALUES are separated by commas, or by semicolons where there is
// one (values may then hold commas; one at the end is allowed); brackets round them are optional.
// [start:stop] and [start:stop:step] count up to stop, included. Under pow2 values are exponents of
// 2, from 0 to 62. kInvalidArgument naming the axis and what is wrong.
Result<Axis> parse_axis(std::string_view text);

}  // namespace radixbench

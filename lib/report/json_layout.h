#pragma once

#include "layout/describe.h"

#include <string>
#include <string_view>

namespace radixbench {

// One line of JSON in the shape of tests/data/vectors/parallel-groups.json, keys in its order.
// `why` says in words where the layout comes from. A layout that breaks a rule has its errors,
// empty groups and no `extra`.
std::string layout_json(const LayoutDescription& description, std::string_view why);

}  // namespace radixbench

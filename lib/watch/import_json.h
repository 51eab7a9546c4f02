#pragma once

#include "base/result.h"
#include "watch/plain_tree.h"

#include <string_view>

namespace radixbench {

// An object or array as a tree. A whole number beyond 64 signed bits becomes a float. kCorrupt
// naming `source` and, where the parser knows it, the byte.
Result<PlainTree> read_json_tree(std::string_view text, std::string_view source);

}  // namespace radixbench

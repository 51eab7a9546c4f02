#pragma once

#include "base/result.h"
#include "watch/plain_tree.h"

#include <string_view>

namespace radixbench {

// Reads a Python pickle of protocol 0 to 5 that holds plain values only, and runs nothing: an
// opcode that would look up a name, call something or ask the reader for an object is refused by
// name. Whole numbers go up to 64 bits, text is UTF-8. kCorrupt naming `source` and the byte at
// which the opcode stands (or the text ends).
Result<PlainTree> read_pickle(std::string_view bytes, std::string_view source);

}  // namespace radixbench

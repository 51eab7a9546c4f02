#pragma once

#include <cstdint>

namespace radixbench {

// Which columns are shuffled and deflated. Over columns whose low bytes are noise (times), deflate
// takes two thirds of all the time and saves a third of their bytes: kQuick, for files that are
// written while something is measured, leaves them as they are.
enum class Compression : std::uint8_t { kNone, kQuick, kFull };

}  // namespace radixbench

#pragma once

#include <cstdint>

namespace radixbench {

// Which columns are shuffled and deflated. The low bytes of measured times and of digests are
// noise, on which deflate spends the most time for the least: kQuick, for files that are written
// while something is measured, leaves them as they are (bench/record_bench; figures in
// docs/formats/hdf5.md).
enum class Compression : std::uint8_t { kNone, kQuick, kFull };

}  // namespace radixbench

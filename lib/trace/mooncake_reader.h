#pragma once

#include "base/result.h"
#include "trace/request.h"

#include <cstdint>
#include <filesystem>
#include <limits>

namespace radixbench {

struct TraceOptions {
  bool skips_bad = false;  // malformed rows are counted and left out instead of ending the read
  // Rows emitted at most: the first good ones of the file. What comes after is counted, not looked
  // at.
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
};

// Reads a Mooncake JSONL trace (docs/formats/trace.md): a line at a time, in bounded memory beyond
// what the result holds. kNotFound where there is no such file, kIo, or kCorrupt with
// FILE:LINE:BYTE (the byte within the line, from 1) and what is wrong there. kCorrupt too where no
// row is left, and where the trace needs more token ids than 32 bits hold.
Result<Trace> read_mooncake(const std::filesystem::path& path, const TraceOptions& options);

}  // namespace radixbench

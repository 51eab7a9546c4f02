#pragma once

#include "base/result.h"
#include "trace/request.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>

namespace radixbench {

struct TraceOptions {
  bool skips_bad = false;  // malformed rows are counted and left out instead of ending the read
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  // rows emitted at most
};

// Reads a Mooncake JSONL trace (traces-and-replay 1.2, 1.3): a line at a time, in bounded memory
// beyond what the result holds. kNotFound, kIo, or kCorrupt with file:line:byte and what is wrong
// with it. kCorrupt too where the trace needs more token ids than 32 bits hold.
Result<Trace> read_mooncake(const std::filesystem::path& path, const TraceOptions& options);

}  // namespace radixbench

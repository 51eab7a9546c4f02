#pragma once

#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace radixbench {

// The whole of `text` as a count: digits, then at most one of k K M G (powers of 1000, kB MB GB of
// bytes) or Ki Mi Gi (of 1024, KiB MiB GiB). kInvalidArgument naming `option` otherwise.
Result<std::uint64_t> parse_count(std::string_view option, std::string_view text);
Result<std::uint32_t> parse_count32(std::string_view option, std::string_view text);

// "30s", "200ms", "10m", "1h", "30" (seconds). kInvalidArgument naming `option`.
Result<std::chrono::nanoseconds> parse_duration(std::string_view option, std::string_view text);

// Pieces between separators; of an empty text, one empty piece.
std::vector<std::string> split(std::string_view text, char separator);

// key=value pairs between commas, in order. kInvalidArgument naming `option` for a piece without
// '=', and for a key given twice.
Result<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view option,
                                                                     std::string_view text);

enum class OutputFormat : std::uint8_t { kTable, kJson };
Result<OutputFormat> parse_format(std::string_view text);

}  // namespace radixbench

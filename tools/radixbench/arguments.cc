#include "arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace radixbench {

Result<std::uint64_t> parse_count(std::string_view option, std::string_view text) {
  struct Suffix {
    std::string_view letters;
    std::uint64_t times;
  };
  constexpr std::array<Suffix, 15> kSuffixes = {{{"", 1},
                                                 {"k", 1'000},
                                                 {"K", 1'000},
                                                 {"M", 1'000'000},
                                                 {"G", 1'000'000'000},
                                                 {"Ki", 1ULL << 10U},
                                                 {"Mi", 1ULL << 20U},
                                                 {"Gi", 1ULL << 30U},
                                                 {"kB", 1'000},
                                                 {"KB", 1'000},
                                                 {"MB", 1'000'000},
                                                 {"GB", 1'000'000'000},
                                                 {"KiB", 1ULL << 10U},
                                                 {"MiB", 1ULL << 20U},
                                                 {"GiB", 1ULL << 30U}}};
  std::uint64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  const std::string_view letters{stop, static_cast<std::size_t>(end - stop)};
  const auto suffix = std::ranges::find(kSuffixes, letters, &Suffix::letters);
  if (error == std::errc::invalid_argument || suffix == kSuffixes.end()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: '{}' is no count; 2000, 2k (2kB) and 2Ki (2KiB) are", option, text));
  }
  if (error == std::errc::result_out_of_range ||
      count > std::numeric_limits<std::uint64_t>::max() / suffix->times) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: '{}' is beyond 64 bits", option, text));
  }
  return count * suffix->times;
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  constexpr std::array<std::pair<std::string_view, double>, 6> kUnits = {
      {{"", 1e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}}};
  constexpr double kNsMax = 9e18;
  for (const auto& [name, ns] : kUnits) {
    if (error != std::errc{} || unit != name || !(value > 0) || !(value * ns < kNsMax)) continue;
    return std::chrono::nanoseconds{static_cast<std::int64_t>(value * ns)};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} '{}' is no duration; write e.g. 30s or 200ms", option, text));
}

Result<std::uint32_t> parse_count32(std::string_view option, std::string_view text) {
  const Result<std::uint64_t> count = parse_count(option, text);
  if (!count) return tl::unexpected(count.error());
  if (*count > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: '{}' is beyond 32 bits", option, text));
  }
  return static_cast<std::uint32_t>(*count);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  while (true) {
    const std::size_t at = text.find(separator);
    pieces.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

Result<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view option,
                                                                     std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& piece : split(text, ',')) {
    const std::size_t equals = piece.find('=');
    if (equals == std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: '{}' is not key=value", option, piece));
    }
    std::string key = piece.substr(0, equals);
    if (std::ranges::any_of(pairs, [&](const auto& pair) { return pair.first == key; })) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: '{}' is given twice", option, key));
    }
    pairs.emplace_back(std::move(key), piece.substr(equals + 1));
  }
  return pairs;
}

Result<OutputFormat> parse_format(std::string_view text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("--format: '{}' is neither table nor json", text));
}

}  // namespace radixbench

#include "layout/layout.h"
#include "layout/validity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

constexpr std::string_view kHowTo =
    "a layout reads tpTcpCdpDppP, such as tp4cp2, or sglang:key=value,..., such as "
    "sglang:tp=8,cp=2,dp=2, with the keys tp pp cp dp replicas ep moe_dp dcp dp_attention";

// What was written, each key at most once.
using Written = std::map<std::string, std::uint32_t, std::less<>>;

tl::unexpected<Error> no_layout(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("layout '{}': {}; {}", text, why, kHowTo));
}

// The whole of `digits` as a size. One beyond 32 bits reads as the largest, which a validity rule
// then rejects in words.
std::optional<std::uint32_t> parse_size(std::string_view digits) {
  std::uint32_t size = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, size);
  if (digits.empty() || stop != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint32_t>::max();
  return error == std::errc{} ? std::optional{size} : std::nullopt;
}

std::size_t span_of(std::string_view text, bool (*belongs)(char)) {
  std::size_t length = 0;
  while (length < text.size() && belongs(text[length])) ++length;
  return length;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

std::uint32_t size_or_1(const Written& written, std::string_view key) {
  const auto found = written.find(key);
  return found == written.end() ? 1 : found->second;
}

std::uint32_t saturating_product(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t product = a * b;  // of two 32-bit sizes: can't wrap
  return static_cast<std::uint32_t>(product < kMax ? product : kMax);
}

Result<Written> parse_product(std::string_view text) {
  Written written;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view axis = rest.substr(0, span_of(rest, is_letter));
    rest.remove_prefix(axis.size());
    const std::string_view digits = rest.substr(0, span_of(rest, is_digit));
    rest.remove_prefix(digits.size());
    if (axis.empty()) return no_layout(text, "an axis was expected");
    if (axis != "tp" && axis != "cp" && axis != "dp" && axis != "pp") {
      return no_layout(text, fmt::format("'{}' is no axis", axis));
    }
    const std::optional<std::uint32_t> size = parse_size(digits);
    if (!size) return no_layout(text, fmt::format("'{}' has no size", axis));
    if (!written.emplace(axis, *size).second) {
      return no_layout(text, fmt::format("'{}' is given twice", axis));
    }
  }
  if (written.empty()) return no_layout(text, "it is empty");
  return written;
}

// attention TP x CP x replicas x stages, as the engine's widths.
LayoutSizes sizes_of_product(const Written& written) {
  const std::uint32_t cp = size_or_1(written, "cp");
  const std::uint32_t dp = size_or_1(written, "dp");
  return {.tp = saturating_product(saturating_product(size_or_1(written, "tp"), cp), dp),
          .pp = size_or_1(written, "pp"),
          .cp = cp,
          .dp = dp,
          .dp_attention = dp > 1};
}

bool is_size_key(std::string_view key) {
  return key == "tp" || key == "pp" || key == "cp" || key == "dp" || key == "replicas" ||
         key == "ep" || key == "moe_dp" || key == "dcp";
}

std::optional<std::uint32_t> parse_truth(std::string_view word) {
  if (word == "true") return 1;
  if (word == "false") return 0;
  return std::nullopt;
}

Result<Written> parse_engine(std::string_view text, std::string_view pairs) {
  Written written;
  std::string_view rest = pairs;
  for (bool is_last = false; !is_last;) {
    const std::size_t comma = rest.find(',');
    is_last = comma == std::string_view::npos;
    const std::string_view pair = rest.substr(0, comma);
    if (!is_last) rest.remove_prefix(comma + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) {
      return no_layout(text, fmt::format("'{}' is not key=value", pair));
    }
    const std::string_view key = pair.substr(0, equals);
    const std::string_view value = pair.substr(equals + 1);
    const bool is_truth = key == "dp_attention";
    if (!is_truth && !is_size_key(key)) {
      return no_layout(text, fmt::format("'{}' is no key", key));
    }
    const std::optional<std::uint32_t> read = is_truth ? parse_truth(value) : parse_size(value);
    if (!read) {
      return no_layout(text, fmt::format("'{}' is no {}", pair, is_truth ? "truth value" : "size"));
    }
    if (!written.emplace(key, *read).second) {
      return no_layout(text, fmt::format("'{}' is given twice", key));
    }
  }
  if (!written.contains("tp")) return no_layout(text, "tp is missing");
  return written;
}

// dp_attention as the engine resolves it: on by default where dp > 1, and off with one replica.
ParsedLayout resolve_engine(const Written& written) {
  ParsedLayout parsed;
  const std::uint32_t dp = size_or_1(written, "dp");
  const std::uint32_t replicas = size_or_1(written, "replicas");
  const auto asked = written.find("dp_attention");
  const bool is_asked_on = asked != written.end() && asked->second == 1;
  const bool is_asked_off = asked != written.end() && asked->second == 0;
  const std::uint32_t worlds_or_dp = dp == 1 || replicas == 0 ? replicas : dp;
  parsed.sizes = {.tp = size_or_1(written, "tp"),
                  .pp = size_or_1(written, "pp"),
                  .cp = size_or_1(written, "cp"),
                  .dp = worlds_or_dp,
                  .dp_attention = dp > 1 && !is_asked_off,
                  .ep = size_or_1(written, "ep"),
                  .moe_dp = size_or_1(written, "moe_dp"),
                  .dcp = size_or_1(written, "dcp")};
  if (dp > 1 && replicas > 1) {
    parsed.errors.emplace_back(
        "dp_size > 1 with attn_dp_size > 1: separate replicas and attention replicas together");
  }
  if (is_asked_on && replicas > 1) {
    parsed.errors.emplace_back("replicas are separate worlds: dp_attention can't be on for them");
  }
  if (is_asked_on && parsed.sizes.dp == 1) {
    parsed.warnings.emplace_back("dp_size=1 switches DP attention off");
  }
  return parsed;
}

Result<ParsedLayout> read_sizes(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const Result<Written> written = parse_product(text);
    if (!written) return tl::unexpected(written.error());
    return ParsedLayout{.sizes = sizes_of_product(*written), .errors = {}, .warnings = {}};
  }
  const std::string_view engine = text.substr(0, colon);
  if (engine != "sglang") return no_layout(text, fmt::format("'{}' is no known engine", engine));
  const Result<Written> written = parse_engine(text, text.substr(colon + 1));
  if (!written) return tl::unexpected(written.error());
  return resolve_engine(*written);
}

}  // namespace

Result<ParsedLayout> parse_layout(std::string_view text) {
  Result<ParsedLayout> parsed = read_sizes(text);
  if (!parsed) return parsed;
  for (std::string& error : broken_rules(parsed->sizes)) {
    parsed->errors.push_back(std::move(error));
  }
  if (parsed->errors.empty()) {
    for (std::string& warning : doubtful_choices(parsed->sizes)) {
      parsed->warnings.push_back(std::move(warning));
    }
  }
  return parsed;
}

Result<Layout> make_layout(std::string_view text) {
  const Result<ParsedLayout> parsed = parse_layout(text);
  if (!parsed) return tl::unexpected(parsed.error());
  if (!parsed->errors.empty()) {
    return fail(ErrorCode::kConfiguration,
                fmt::format("layout '{}' can't be: {}", text, fmt::join(parsed->errors, "; ")));
  }
  return Layout{parsed->sizes};
}

}  // namespace radixbench

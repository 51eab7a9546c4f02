#include "trace/mooncake_reader.h"

#include "trace/arrivals.h"
#include "trace/block_numbers.h"
#include "trace/line_reader.h"
#include "trace/mooncake_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace radixbench {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF"sv;

// Rows as they came, ids in one arena.
struct FileRows {
  std::vector<Request> rows;  // first_block points into ids
  std::vector<std::uint64_t> ids;
  TraceCounts counts;
  std::string first_bad;  // where and what, of the first row left out
  std::string sha256;

  [[nodiscard]] std::span<const std::uint64_t> ids_of(const Request& row) const {
    return std::span{ids}.subspan(row.first_block, row.block_count);
  }
};

// What the first bytes say this is instead of text; empty if nothing.
std::string_view foreign_format(std::string_view first_line) {
  if (first_line.starts_with("\x1F\x8B"sv)) return "it is gzip-compressed: gzip -d it first";
  if (first_line.starts_with("\x28\xB5\x2F\xFD"sv))
    return "it is zstd-compressed: zstd -d it first";
  if (first_line.starts_with("\xFF\xFE"sv) || first_line.starts_with("\xFE\xFF"sv)) {
    return "it is UTF-16; JSON lines are UTF-8";
  }
  return {};
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

// Exact: the hash only finds candidates.
class DuplicateRows {
 public:
  bool is_repeated(const FileRows& file, std::size_t row) {
    const auto [first, last] = seen_.equal_range(hash_of(file, row));
    const bool is_known = std::any_of(
        first, last, [&](const auto& entry) { return are_equal(file, entry.second, row); });
    if (!is_known) seen_.emplace(hash_of(file, row), row);
    return is_known;
  }

 private:
  static std::uint64_t hash_of(const FileRows& file, std::size_t row) {
    const Request& request = file.rows[row];
    std::uint64_t hash = static_cast<std::uint64_t>(request.arrival_ns);
    const auto mix = [&hash](std::uint64_t value) {
      hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
      hash ^= hash >> 29U;
    };
    mix(request.input_tokens);
    mix(request.output_tokens);
    for (const std::uint64_t id : file.ids_of(request)) mix(id);
    return hash;
  }

  static bool are_equal(const FileRows& file, std::size_t a, std::size_t b) {
    const Request& left = file.rows[a];
    const Request& right = file.rows[b];
    return left.arrival_ns == right.arrival_ns && left.input_tokens == right.input_tokens &&
           left.output_tokens == right.output_tokens &&
           std::ranges::equal(file.ids_of(left), file.ids_of(right));
  }

  std::unordered_multimap<std::uint64_t, std::size_t> seen_;
};

class FileScan {
 public:
  FileScan(std::string name, const TraceOptions& options)
      : name_{std::move(name)}, options_{options} {}

  Result<void> take(Line line) {
    std::size_t skipped_bytes = 0;
    if (line.number == 1) {
      if (const std::string_view foreign = foreign_format(line.text); !foreign.empty()) {
        return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", name_, foreign));
      }
      if (line.text.starts_with(kUtf8Mark)) skipped_bytes = kUtf8Mark.size();
      line.text.remove_prefix(skipped_bytes);
    }
    if (is_blank(line.text)) return {};
    ++file_.counts.rows_read;
    if (file_.rows.size() >= options_.limit) {
      ++file_.counts.dropped_beyond_limit;
      return {};
    }
    if (const std::optional<RowError> error = parser_.parse(line, row_)) {
      return reject(line.number, error->byte + skipped_bytes, error->what);
    }
    keep(line.number);
    return {};
  }

  FileRows finish(std::string sha256) && {
    file_.counts.emitted = file_.rows.size();
    file_.sha256 = std::move(sha256);
    return std::move(file_);
  }

 private:
  Result<void> reject(std::uint64_t line, std::size_t byte, const std::string& what) {
    std::string message = fmt::format("{}:{}:{}: {}", name_, line, byte, what);
    if (!options_.skips_bad) return fail(ErrorCode::kCorrupt, std::move(message));
    if (file_.counts.dropped_bad++ == 0) file_.first_bad = std::move(message);
    return {};
  }

  void keep(std::uint64_t line) {
    Request request;
    request.source_line = line;
    request.arrival_ns = row_.arrival_ns;
    request.input_tokens = row_.input_tokens;
    request.output_tokens = row_.output_tokens;
    request.first_block = file_.ids.size();
    request.block_count = static_cast<std::uint32_t>(row_.ids.size());
    const bool is_early = !file_.rows.empty() && request.arrival_ns < file_.rows.back().arrival_ns;
    file_.ids.insert(file_.ids.end(), row_.ids.begin(), row_.ids.end());
    file_.rows.push_back(request);
    if (is_early) ++file_.counts.rows_unsorted;
    if (row_.has_extra_fields) ++file_.counts.rows_extra_fields;
    if (duplicates_.is_repeated(file_, file_.rows.size() - 1)) ++file_.counts.rows_duplicate;
  }

  std::string name_;
  TraceOptions options_;
  MooncakeRowParser parser_;
  MooncakeRow row_;
  FileRows file_;
  DuplicateRows duplicates_;
};

Result<FileRows> read_rows(const std::filesystem::path& path, const TraceOptions& options) {
  Result<LineReader> reader = LineReader::open(path);
  if (!reader) return tl::unexpected(std::move(reader).error());
  FileScan scan{path.string(), options};
  while (true) {
    Result<std::optional<Line>> line = reader->next();
    if (!line) return tl::unexpected(std::move(line).error());
    if (!*line) return std::move(scan).finish(std::move(*reader).sha256_hex());
    if (Result<void> taken = scan.take(**line); !taken) {
      return tl::unexpected(std::move(taken).error());
    }
  }
}

// Arrival order, ties in file order; blocks numbered in that order.
void emit_in_arrival_order(const FileRows& file, Trace& trace) {
  trace.requests = file.rows;
  std::ranges::stable_sort(trace.requests, {}, &Request::arrival_ns);
  trace.blocks.reserve(file.ids.size());
  BlockNumbers numbers;
  for (Request& request : trace.requests) {
    request.id = static_cast<RequestId>(&request - trace.requests.data());
    const std::span<const std::uint64_t> ids = file.ids_of(request);
    request.first_block = trace.blocks.size();
    numbers.append(ids, trace.blocks);
  }
  trace.counts.blocks_distinct = numbers.distinct();
  trace.counts.id_conflicts = numbers.conflicts();
}

void add_count_warnings(const FileRows& file, Trace& trace) {
  const TraceCounts& counts = trace.counts;
  const auto warn_of = [&trace](std::uint64_t count, std::string_view what) {
    if (count != 0) trace.warnings.push_back(fmt::format("{}: {}", what, count));
  };
  if (counts.dropped_bad != 0) {
    trace.warnings.push_back(fmt::format(
        "malformed rows, left out: {}; the first: {}", counts.dropped_bad, file.first_bad));
  }
  warn_of(counts.rows_unsorted, "rows that arrive before the row above them, sorted by arrival");
  warn_of(counts.rows_duplicate, "rows with time, lengths and ids of an earlier one, kept");
  warn_of(counts.id_conflicts,
          "references that give an id another parent or position than its first use, so that the "
          "ids are no hashes of prefixes and hits counted on them are not to be trusted");
}

std::uint64_t output_tokens_of(const Trace& trace) {
  return std::accumulate(
      trace.requests.begin(),
      trace.requests.end(),
      std::uint64_t{0},
      [](std::uint64_t sum, const Request& request) { return sum + request.output_tokens; });
}

}  // namespace

Result<Trace> read_mooncake(const std::filesystem::path& path, const TraceOptions& options) {
  Result<FileRows> file = read_rows(path, options);
  if (!file) return tl::unexpected(std::move(file).error());
  if (file->rows.empty() && file->counts.dropped_beyond_limit == 0) {
    const std::string_view what =
        file->counts.rows_read == 0 ? "no rows" : "no well-formed row; the first: ";
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: holds {}{}", path.string(), what, file->first_bad));
  }
  Trace trace;
  trace.path = path.string();
  trace.sha256 = file->sha256;
  trace.counts = file->counts;
  emit_in_arrival_order(*file, trace);
  add_count_warnings(*file, trace);
  for (std::string& warning : arrival_warnings(trace.requests)) {
    trace.warnings.push_back(std::move(warning));
  }
  const Result<void> fits =
      check_token_space(trace.counts.blocks_distinct, output_tokens_of(trace));
  if (!fits) return tl::unexpected(Error{fits.error()}.while_doing(path.string()));
  return trace;
}

}  // namespace radixbench

#include "cmd_trace.h"

#include "arguments.h"
#include "exit_codes.h"
#include "trace_table.h"

#include "report/json_trace.h"
#include "trace/mooncake_reader.h"

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

struct RawInspect {
  std::string path;
  std::string lru_blocks;
  std::string tiers;
  std::string limit;
  std::string format = "table";
  bool skips_bad = false;
};

// What was asked for, checked before the file is opened.
struct InspectOptions {
  TraceOptions trace;
  OutputFormat format = OutputFormat::kTable;
  std::vector<std::uint64_t> lru_blocks;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> tiers;
};

Result<std::vector<std::uint64_t>> parse_capacities(std::string_view text) {
  std::vector<std::uint64_t> capacities;
  if (text.empty()) return capacities;
  for (const std::string& piece : split(text, ',')) {
    if (piece == "inf") {
      capacities.push_back(BlockLru::kUnlimited);
      continue;
    }
    const Result<std::uint64_t> capacity = parse_count("--lru-blocks", piece);
    if (!capacity) return tl::unexpected(capacity.error());
    capacities.push_back(*capacity);
  }
  return capacities;
}

Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> parse_tiers(std::string_view text) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> tiers;
  if (text.empty()) return tiers;
  for (const std::string& piece : split(text, ',')) {
    const std::vector<std::string> sizes = split(piece, '/');
    if (sizes.size() != 2) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--tiers: '{}' is not DEVICE/HOST, in blocks", piece));
    }
    const Result<std::uint64_t> device = parse_count("--tiers", sizes[0]);
    const Result<std::uint64_t> host = parse_count("--tiers", sizes[1]);
    if (!device) return tl::unexpected(device.error());
    if (!host) return tl::unexpected(host.error());
    tiers.emplace_back(*device, *host);
  }
  return tiers;
}

Result<std::uint64_t> parse_limit(std::string_view text) {
  if (text.empty()) return TraceOptions{}.limit;
  const Result<std::uint64_t> limit = parse_count("--limit", text);
  if (limit && *limit == 0) {
    return fail(ErrorCode::kInvalidArgument, "--limit: at least one row must be left");
  }
  return limit;
}

Result<InspectOptions> resolve(const RawInspect& raw) {
  const Result<OutputFormat> format = parse_format(raw.format);
  if (!format) return tl::unexpected(format.error());
  const Result<std::uint64_t> limit = parse_limit(raw.limit);
  if (!limit) return tl::unexpected(limit.error());
  Result<std::vector<std::uint64_t>> lru_blocks = parse_capacities(raw.lru_blocks);
  if (!lru_blocks) return tl::unexpected(lru_blocks.error());
  Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> tiers = parse_tiers(raw.tiers);
  if (!tiers) return tl::unexpected(tiers.error());
  return InspectOptions{.trace = {.skips_bad = raw.skips_bad, .limit = *limit},
                        .format = *format,
                        .lru_blocks = std::move(*lru_blocks),
                        .tiers = std::move(*tiers)};
}

TraceInspection inspect(const Trace& trace, const InspectOptions& options) {
  TraceInspection inspection;
  inspection.path = trace.path;
  inspection.sha256 = trace.sha256;
  inspection.known_as = known_trace_name(trace.sha256);
  inspection.counts = trace.counts;
  inspection.warnings = trace.warnings;
  inspection.statistics = trace_statistics(trace);
  for (const std::uint64_t capacity : options.lru_blocks) {
    inspection.lru.push_back(replay_lru(trace, capacity));
  }
  for (const auto& [device, host] : options.tiers) {
    inspection.tiers.push_back(replay_tiers(trace, device, host));
  }
  return inspection;
}

int run_inspect(const RawInspect& raw) {
  const Result<InspectOptions> options = resolve(raw);
  if (!options) return report_error(options.error());
  const Result<Trace> trace = read_mooncake(raw.path, options->trace);
  if (!trace) return report_error(trace.error());
  const TraceInspection inspection = inspect(*trace, *options);
  if (options->format == OutputFormat::kJson) {
    fmt::print("{}\n", trace_json(inspection));
  } else {
    fmt::print("{}", trace_table(inspection));
  }
  return kExitFine;
}

constexpr const char* kExamples =
    R"(FILE is a Mooncake JSONL trace (docs/formats/trace.md). Counts may end in k, M, G or Ki, Mi, Gi.

Examples:
  radixbench trace inspect traces/sample_400.jsonl
  radixbench trace inspect FILE --lru-blocks 1000,2000,inf --tiers 2000/4000,4000/16000
  radixbench trace inspect FILE --limit 1000 --skip-bad --format json | jq .counts

Exit codes: 64 usage, 65 a malformed row (FILE:LINE:BYTE: what is wrong), 66 no such file.)";

}  // namespace

void add_trace_commands(CLI::App& app, std::vector<Command>& commands) {
  CLI::App* trace = app.add_subcommand("trace", "What a request trace holds");
  trace->require_subcommand(1);
  CLI::App* inspect_app = trace->add_subcommand(
      "inspect", "Validate a trace; its statistics, warnings and reference hit counts");
  const auto raw = std::make_shared<RawInspect>();
  inspect_app->add_option("FILE", raw->path, "The trace")->required();
  inspect_app->add_option("--lru-blocks", raw->lru_blocks, "Capacities C1,C2,... or inf: LRU hits");
  inspect_app->add_option("--tiers", raw->tiers, "DEVICE/HOST,... in blocks: hits by tier");
  inspect_app->add_option("--limit", raw->limit, "Take the first N rows only");
  inspect_app->add_flag("--skip-bad", raw->skips_bad, "Count malformed rows and leave them out");
  inspect_app->add_option("--format", raw->format, "table or json")->capture_default_str();
  inspect_app->footer(kExamples);
  commands.push_back({inspect_app, [raw] { return run_inspect(*raw); }});
}

}  // namespace radixbench

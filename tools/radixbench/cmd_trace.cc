#include "cmd_trace.h"

#include "arguments.h"
#include "exit_codes.h"
#include "trace_table.h"

#include "replay/index_replay.h"
#include "report/json_trace.h"
#include "trace/mooncake_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::uint64_t kPageTokensMax = 512;

struct RawInspect {
  std::string path;
  std::string lru_blocks;
  std::string tiers;
  std::vector<std::string> trees;
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
  std::vector<IndexReplayOptions> trees;
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

tl::unexpected<Error> wrong_tree(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("--tree: {}", what));
}

Result<void> set_tree_value(IndexReplayOptions& tree,
                            const std::string& key,
                            const std::string& value) {
  if (key == "device-tokens" && value == "none") return {};
  const Result<std::uint64_t> count = parse_count("--tree " + key, value);
  if (!count) return tl::unexpected(count.error());
  if (key == "page") {
    if (*count < 1 || *count > kPageTokensMax) return wrong_tree("page is from 1 to 512");
    tree.page_tokens = static_cast<std::uint32_t>(*count);
  } else if (key == "device-tokens") {
    tree.device_tokens = *count;
  } else if (key == "stamp") {
    if (*count > 1) return wrong_tree("stamp is 0 or 1");
    tree.stamps_split_remainder = *count == 1;
  } else {
    return wrong_tree(fmt::format("'{}' is none of page, device-tokens, stamp", key));
  }
  return {};
}

Result<std::vector<IndexReplayOptions>> parse_trees(const std::vector<std::string>& texts) {
  std::vector<IndexReplayOptions> trees;
  for (const std::string& text : texts) {
    const auto pairs = parse_pairs("--tree", text);
    if (!pairs) return tl::unexpected(pairs.error());
    IndexReplayOptions& tree = trees.emplace_back();
    for (const auto& [key, value] : *pairs) {
      if (Result<void> set = set_tree_value(tree, key, value); !set) {
        return tl::unexpected(set.error());
      }
    }
  }
  return trees;
}

Result<std::uint64_t> parse_limit(std::string_view text) {
  if (text.empty()) return TraceOptions{}.limit;
  Result<std::uint64_t> limit = parse_count("--limit", text);
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
  Result<std::vector<IndexReplayOptions>> trees = parse_trees(raw.trees);
  if (!trees) return tl::unexpected(trees.error());
  return InspectOptions{.trace = {.skips_bad = raw.skips_bad, .limit = *limit},
                        .format = *format,
                        .lru_blocks = std::move(*lru_blocks),
                        .tiers = std::move(*tiers),
                        .trees = std::move(*trees)};
}

// A tree evicts to take a prompt in, so it must be able to hold the longest.
Result<void> check_trees(const Trace& trace, const std::vector<IndexReplayOptions>& trees) {
  const std::uint32_t longest =
      std::ranges::max_element(trace.requests, {}, &Request::input_tokens)->input_tokens;
  for (const IndexReplayOptions& tree : trees) {
    if (!tree.device_tokens || *tree.device_tokens >= longest) continue;
    return fail(ErrorCode::kConfiguration,
                fmt::format("--tree: device-tokens={} can't hold the trace's longest prompt of {} "
                            "tokens",
                            *tree.device_tokens,
                            longest));
  }
  return {};
}

TreeOutcome replay_tree(const Trace& trace, const IndexReplayOptions& options) {
  const IndexReplayTotals totals = replay_index(trace, options);
  return {.page_tokens = options.page_tokens,
          .device_tokens = options.device_tokens,
          .stamps_split_remainder = options.stamps_split_remainder,
          .query = totals.query_tokens,
          .hit = totals.hit_tokens,
          .inserted = totals.inserted_tokens,
          .evicted = totals.evicted_tokens};
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
  for (const IndexReplayOptions& tree : options.trees) {
    inspection.trees.push_back(replay_tree(trace, tree));
  }
  return inspection;
}

int run_inspect(const RawInspect& raw) {
  const Result<InspectOptions> options = resolve(raw);
  if (!options) return report_error(options.error());
  const Result<Trace> trace = read_mooncake(raw.path, options->trace);
  if (!trace) return report_error(trace.error());
  if (Result<void> fits = check_trees(*trace, options->trees); !fits) {
    return report_error(fits.error());
  }
  const TraceInspection inspection = inspect(*trace, *options);
  if (options->format == OutputFormat::kJson) {
    fmt::print("{}\n", trace_json(inspection));
  } else {
    fmt::print("{}", trace_table(inspection));
  }
  return kExitFine;
}

constexpr const char* kExamples =
    R"(FILE is a Mooncake JSONL trace (docs/formats/trace.md). Counts may end in k, M, G or Ki, Mi,
Gi. A --tree replays the prompts one by one through the radix tree: page=1..512, device-tokens=N or
none (nothing is evicted, the default), stamp=1 for a split that makes the remainder look just used.

Examples:
  radixbench trace inspect traces/sample_400.jsonl
  radixbench trace inspect FILE --lru-blocks 1000,2000,inf --tiers 2000/4000,4000/16000
  radixbench trace inspect FILE --tree page=64,device-tokens=3000000 --tree page=1
  radixbench trace inspect FILE --limit 1000 --skip-bad --format json | jq .counts

Exit codes: 64 usage, 65 a malformed row (FILE:LINE:BYTE: what is wrong), 66 no such file,
78 a tree that can't hold the longest prompt.)";

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
  inspect_app->add_option("--tree", raw->trees, "key=value,...: hits of the tree; may be repeated")
      ->allow_extra_args(false);
  inspect_app->add_option("--limit", raw->limit, "Take the first N rows only");
  inspect_app->add_flag("--skip-bad", raw->skips_bad, "Count malformed rows and leave them out");
  inspect_app->add_option("--format", raw->format, "table or json")->capture_default_str();
  inspect_app->footer(kExamples);
  commands.push_back({inspect_app, [raw] { return run_inspect(*raw); }});
}

}  // namespace radixbench

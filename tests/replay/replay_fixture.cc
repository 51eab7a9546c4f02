#include "replay/replay_fixture.h"

#include "base/random.h"
#include "replay/recorded_rank.h"
#include "replay/thread_ranks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <numeric>
#include <utility>

namespace radixbench {
namespace {

std::vector<std::vector<std::uint32_t>> make_prompts(const ChurnTrace& trace, Random& random) {
  std::vector<std::vector<std::uint32_t>> prompts(trace.prompts);
  std::uint32_t next_block = 1;
  for (auto& blocks : prompts) {
    blocks.resize(trace.blocks_min + random.below(3));
    std::iota(blocks.begin(), blocks.end(), next_block);
    next_block += static_cast<std::uint32_t>(blocks.size());
    blocks.front() = 0;
  }
  return prompts;
}

}  // namespace

void write_trace(const std::filesystem::path& path, const ChurnTrace& trace) {
  Random random{trace.seed, "churn"};
  const auto prompts = make_prompts(trace, random);
  std::ofstream file{path};
  for (std::uint32_t i = 0; i < trace.requests; ++i) {
    const bool is_in_turn = random.below(5) > 0;
    const auto& blocks = prompts[is_in_turn ? i % trace.prompts : random.below(trace.prompts)];
    const std::uint64_t input = blocks.size() * kTraceBlockTokens - random.below(3) * 96;
    file << fmt::format(
                R"({{"timestamp": {}, "input_length": {}, "output_length": {}, "hash_ids": [{}]}})",
                i * trace.gap_ms,
                input,
                trace.output_tokens,
                fmt::join(blocks, ", "))
         << '\n';
  }
  ASSERT_TRUE(file.flush()) << path;
}

std::uint64_t ReplayRun::counter(std::string_view name, Rank rank) const {
  for (const CounterRow& row : ranks.at(rank).counters) {
    if (row.name == name) return row.value;
  }
  ADD_FAILURE() << "no counter " << name;
  return 0;
}

bool ReplayRun::has_ended_well() const {
  return std::ranges::all_of(reports, [](const RankReport& report) {
    return !report.error && report.phase == RankPhase::kDone;
  });
}

std::string ReplayRun::errors() const {
  std::string text;
  for (const RankReport& report : reports) {
    if (report.error) text += fmt::format("rank {}: {}\n", report.rank, report.error->message);
    for (const std::string& what : report.violations) {
      text += fmt::format("rank {} violates: {}\n", report.rank, what);
    }
  }
  return text;
}

bool ReplayRun::has_deadline_error() const {
  return std::ranges::any_of(reports, [](const RankReport& report) {
    return report.error && report.error->code == ErrorCode::kTimeout;
  });
}

std::optional<FirstDifference> first_divergence(const ReplayRun& run) {
  std::optional<FirstDifference> found;
  for (Rank rank = 0; rank < run.ranks.size(); ++rank) {
    const Rank first = run.layout.replica(rank).front();
    const auto& own = run.ranks[rank].steps;
    const auto& other = run.ranks[first].steps;
    for (std::size_t i = 0; i < std::min(own.size(), other.size()); ++i) {
      if (own[i].digest == other[i].digest) continue;
      if (!found || own[i].step < found->step) found = FirstDifference{own[i].step, first, rank};
      break;
    }
  }
  return found;
}

ReplayOptions ReplayTest::options(const std::string& layout) {
  const std::filesystem::path trace = directory() / "churn.jsonl";
  if (!std::filesystem::exists(trace)) write_trace(trace, {});
  ReplayOptions options;
  options.trace_path = trace.string();
  options.layout = layout;
  // Less than the prompts need: pages go to the host, and from there to storage alone.
  options.device_tokens = 5120;
  options.host_tokens = 8192;
  options.page_bytes = 32;
  options.engine.seed = 7;
  options.engine.abort_rate = 0.1;
  options.engine.cost.idle_ns = 4'000'000;
  // Short of what the longest prompts take to come, so that a limit is sometimes passed.
  options.rules.prefetch_timeout_base_ns = 12'000'000;
  options.rules.prefetch_timeout_per_ki_token_ns = 1'000'000;
  options.deadline = std::chrono::seconds{20};
  return options;
}

void ReplayTest::skew(ReplayOptions& options, std::string_view text) {
  const Result<SkewSpec> spec = parse_skew(text);
  ASSERT_TRUE(spec) << spec.error().message;
  options.skews.push_back(*spec);
}

ReplayRun ReplayTest::run(ReplayOptions options, const std::function<void(ReplayPlan&)>& adjust) {
  options.output_directory = (directory() / fmt::format("run{}", run_count_++)).string();
  Result<ReplayPlan> plan = make_plan(std::move(options));
  EXPECT_TRUE(plan) << plan.error().message;
  if (!plan) return {make_layout("tp1").value(), {}, {}, {}};
  if (adjust) adjust(*plan);
  const Result<RunRings> rings = RunRings::create(*plan);
  EXPECT_TRUE(rings) << rings.error().message;
  if (!rings) return {plan->layout, {}, {}, {}};
  ReplayRun run{plan->layout, run_thread_ranks(*plan, *rings).reports, {}, {}};
  run.recordings = rings->recordings();
  for (Rank rank = 0; rank < run.layout.world_size(); ++rank) {
    Result<RankData> data = read_hdf5_rank(rank_file(*plan, rank));
    EXPECT_TRUE(data) << data.error().message;
    run.ranks.push_back(data ? std::move(*data) : RankData{});
  }
  return run;
}

void expect_clean(const ReplayRun& run) {
  EXPECT_TRUE(run.has_ended_well());
  EXPECT_EQ(run.errors(), "");
  const std::optional<FirstDifference> differs = first_divergence(run);
  EXPECT_FALSE(differs) << "ranks " << differs->first << " and " << differs->other
                        << " differ in step " << differs->step;
  for (Rank rank = 0; rank < run.ranks.size(); ++rank) {
    EXPECT_EQ(run.counter("violations", rank), 0U);
    EXPECT_EQ(run.counter("identities.broken", rank), 0U);
    EXPECT_EQ(run.counter("bytes.pages_wrong", rank), 0U);
  }
}

}  // namespace radixbench

// What a run counted against the formulas of the design: agreements and wire operations of each
// site in each step, on every rank, and of the prefetch thread in each step that started one.

#include "layout/sites.h"
#include "replay/replay_fixture.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kSiteCount = 10;
using SiteOps = std::array<std::uint32_t, kSiteCount>;

std::uint32_t& at(SiteOps& ops, Site site) { return ops.at(static_cast<std::size_t>(site)); }

// Groups of more than one rank that a call goes through.
struct Hops {
  std::uint32_t moved = 0;  // at the four sites of the fix
  std::uint32_t other = 0;
  std::uint32_t tp_cache_size = 1;
};

Hops hops_of(const Layout& layout, AgreementKind kind, ReduceShape shape) {
  const auto is_wide = [](std::uint32_t size) { return size > 1 ? 1U : 0U; };
  const std::uint32_t tp_cache =
      layout.sizes().dp_attention ? layout.attn_tp_size() : layout.sizes().tp;
  Hops hops;
  hops.tp_cache_size = tp_cache;
  hops.other = shape == ReduceShape::kGrid
                   ? is_wide(layout.attn_cp_size() * layout.attn_tp_size())
                   : is_wide(layout.attn_cp_size()) + is_wide(layout.attn_tp_size());
  if (kind == AgreementKind::kAttnGroups) hops.moved = hops.other;
  if (kind == AgreementKind::kHardcodedTp) hops.moved = is_wide(tp_cache);
  if (kind == AgreementKind::kStageTp) hops.moved = is_wide(layout.sizes().tp);
  return hops;
}

// Wire operations of the scheduler thread, by step and site.
std::vector<SiteOps> count_samples(const RankData& rank) {
  std::vector<SiteOps> counts(rank.steps.size());
  for (const Phase phase : {Phase::kConsensus, Phase::kDrain}) {
    const SampleColumns& samples = rank.samples.at(static_cast<std::size_t>(phase));
    for (std::size_t i = 0; i < samples.size(); ++i) {
      ++counts.at(samples.step[i]).at(samples.site[i]);
    }
  }
  return counts;
}

std::uint32_t aborts_in(const RankData& rank, const StepRow& step) {
  std::uint32_t count = 0;
  for (const RequestRow& row : rank.requests) {
    if (row.is_aborted == 1 && row.finished_ns == step.now_ns) ++count;
  }
  return count;
}

// Rules, policy, layout, agreement, shape.
using Case = std::tuple<std::string, PrefetchPolicy, std::string, AgreementKind, ReduceShape>;

class FormulasTest : public ReplayTest, public testing::WithParamInterface<Case> {
 protected:
  static bool is_fixed() { return std::get<0>(GetParam()) == "fixed"; }

  ReplayRun run_case() {
    const auto& [rules, policy, layout, agreement, shape] = GetParam();
    ReplayOptions chosen = options(layout);
    const Rules limits = chosen.rules;
    chosen.rules = make_rules(rules).value();
    chosen.rules.prefetch_timeout_base_ns = limits.prefetch_timeout_base_ns;
    chosen.rules.prefetch_timeout_per_ki_token_ns = limits.prefetch_timeout_per_ki_token_ns;
    chosen.policy = policy;
    chosen.agreement = agreement;
    chosen.reduce = shape;
    // Ranks that are equally fast don't come to differ where a rule or a group is wrong.
    return run(chosen, [](ReplayPlan& plan) { plan.latency.jitter = 0; });
  }

  // What the step's calls must have been; only under j is the write check's number an input, since
  // it depends on what is in flight.
  static SiteOps expected_calls(const RankData& rank,
                                const StepRow& step,
                                std::uint32_t write_checks,
                                const Hops& hops) {
    const bool syncs_results = is_fixed() || hops.tp_cache_size > 1;
    SiteOps calls{};
    at(calls, Site::kWritingCheck) = write_checks;
    at(calls, Site::kLoadingCheck) = is_fixed() ? 1 : 0;
    at(calls, Site::kDrainStorageControlQueues) = 1;
    at(calls, Site::kCanTerminatePrefetch) = step.examined;
    at(calls, Site::kCheckPrefetchProgress) = syncs_results ? step.answered : 0;
    at(calls, Site::kReleaseAbortedRequest) = aborts_in(rank, step);
    return calls;
  }

  static std::uint32_t sum(const SiteOps& ops) {
    std::uint32_t total = 0;
    for (const std::uint32_t count : ops) total += count;
    return total;
  }

  static SiteOps wire_ops(const SiteOps& calls, const Hops& hops) {
    SiteOps ops{};
    for (const Site site : {Site::kWritingCheck, Site::kLoadingCheck}) {
      ops.at(static_cast<std::size_t>(site)) =
          calls.at(static_cast<std::size_t>(site)) * hops.other;
    }
    for (const Site site : {Site::kCanTerminatePrefetch,
                            Site::kCheckPrefetchProgress,
                            Site::kReleaseAbortedRequest,
                            Site::kDrainStorageControlQueues}) {
      ops.at(static_cast<std::size_t>(site)) =
          calls.at(static_cast<std::size_t>(site)) * hops.moved;
    }
    return ops;
  }

  static void expect_steps(const RankData& rank, const Hops& hops) {
    const std::vector<SiteOps> samples = count_samples(rank);
    for (const StepRow& step : rank.steps) {
      SCOPED_TRACE(fmt::format("rank {} step {}", rank.identity.rank, step.step));
      const std::uint32_t checks_max = step.kind == StepKind::kDecode ? 2 : 1;
      const SiteOps rest = expected_calls(rank, step, 0, hops);
      const std::uint32_t write_checks = is_fixed() ? checks_max : step.agreements - sum(rest);
      EXPECT_LE(write_checks, checks_max);
      const SiteOps calls = expected_calls(rank, step, write_checks, hops);
      const SiteOps wire = wire_ops(calls, hops);
      EXPECT_EQ(step.agreements, sum(calls));
      EXPECT_EQ(step.wire_ops, sum(wire));
      EXPECT_EQ(samples.at(step.step), wire);
    }
  }

  static void expect_totals(const ReplayRun& run, Rank rank, const Hops& hops) {
    std::uint64_t agreements = 0;
    std::uint64_t wire = 0;
    for (const StepRow& step : run.ranks[rank].steps) {
      agreements += step.agreements;
      wire += step.wire_ops;
    }
    for (const SiteContract& contract : site_contracts()) {
      if (!contract.is_control || contract.site == Site::kPrefetchHitCount) continue;
      agreements -= run.counter(fmt::format("agreements.{}", contract.name), rank);
      wire -= run.counter(fmt::format("wire_ops.{}", contract.name), rank);
    }
    EXPECT_EQ(agreements, 0U);
    EXPECT_EQ(wire, 0U);
    EXPECT_EQ(run.counter("agreements.prefetch.hit_count", rank), run.counter("prefetches", rank));
    EXPECT_EQ(run.counter("wire_ops.prefetch.hit_count", rank),
              run.counter("prefetches", rank) * hops.other);
  }

  static void expect_prefetch_thread(const ReplayRun& run, Rank rank, const Hops& hops) {
    const RankData& data = run.ranks[rank];
    const auto& samples = data.samples.at(static_cast<std::size_t>(Phase::kPrefetch));
    EXPECT_EQ(data.prefetches.size(), run.counter("prefetches", rank));
    EXPECT_EQ(samples.size(), data.prefetches.size() * hops.other);
    for (const PrefetchRow& row : data.prefetches) {
      std::uint32_t calls = 0;
      for (std::size_t i = 0; i < samples.size(); ++i) {
        if (samples.request_id[i] != row.request_id) continue;
        EXPECT_EQ(samples.step[i], row.started_step);
        ++calls;
      }
      EXPECT_EQ(calls, hops.other);
    }
  }
};

TEST_P(FormulasTest, EveryStepOfEveryRankMakesExactlyTheCallsOfTheFormula) {
  const ReplayRun done = run_case();
  expect_clean(done);
  const Hops hops = hops_of(done.layout, std::get<3>(GetParam()), std::get<4>(GetParam()));
  for (Rank rank = 0; rank < done.ranks.size(); ++rank) {
    expect_steps(done.ranks[rank], hops);
    expect_totals(done, rank, hops);
    expect_prefetch_thread(done, rank, hops);
  }
  // A formula whose terms are all zero would hold for a run that does nothing.
  const PrefetchPolicy policy = std::get<1>(GetParam());
  EXPECT_GT(done.counter("prefetches.answered"), 0U);
  EXPECT_GT(done.counter("steps.decode"), 0U);
  EXPECT_EQ(done.counter("agreements.can_terminate_prefetch") == 0,
            policy == PrefetchPolicy::kBestEffort);
  EXPECT_EQ(done.counter("prefetches.aborted") == 0, policy == PrefetchPolicy::kBestEffort);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* rules : {"fixed", "j"}) {
    for (const PrefetchPolicy policy :
         {PrefetchPolicy::kBestEffort, PrefetchPolicy::kWaitComplete, PrefetchPolicy::kTimeout}) {
      for (const char* layout :
           {"tp1", "tp4cp2", "sglang:tp=8,cp=2,dp=2", "sglang:tp=8,cp=4,dp=2"}) {
        for (const AgreementKind agreement :
             {AgreementKind::kHardcodedTp, AgreementKind::kStageTp, AgreementKind::kAttnGroups}) {
          // The stage spans replicas, which make different numbers of calls: it hangs there.
          const bool has_replicas = make_layout(layout)->attn_dp_size() > 1;
          if (has_replicas && agreement == AgreementKind::kStageTp) continue;
          if (kIsSanitized && agreement != AgreementKind::kAttnGroups) continue;
          cases.emplace_back(rules, policy, layout, agreement, ReduceShape::kAxes);
        }
      }
    }
  }
  for (const char* layout : {"tp4cp2", "sglang:tp=8,cp=2,dp=2"}) {
    cases.emplace_back(
        "fixed", PrefetchPolicy::kTimeout, layout, AgreementKind::kAttnGroups, ReduceShape::kGrid);
  }
  return cases;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  const auto& [rules, policy, layout, agreement, shape] = info.param;
  std::string name =
      fmt::format("{}_{}_{}_{}", rules, to_string(policy), layout, to_string(agreement));
  if (shape == ReduceShape::kGrid) name += "_grid";
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, FormulasTest, testing::ValuesIn(all_cases()), case_name);

}  // namespace
}  // namespace radixbench

// The five repairs of the rules `fixed`, each switched off alone against the condition that it was
// made for, and the agreements against the skew that tells them apart.

#include "replay/replay_fixture.h"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

using namespace std::chrono_literals;

class RepairsTest : public ReplayTest {
 protected:
  // Acks that never come are not waited for long.
  ReplayOptions impatient(const std::string& layout) {
    ReplayOptions chosen = options(layout);
    chosen.engine.quiet_max_ns = 500'000'000;
    return chosen;
  }

  // With the limits of the engine, which 40 ms more for each page of storage fit into for a while.
  ReplayOptions slow_storage(const std::string& layout) {
    ReplayOptions chosen = impatient(layout);
    chosen.rules = Rules{};
    skew(chosen, "storage:cp=1,+40ms");
    return chosen;
  }

  // With room for all pages, so that nothing but the fault tells ranks apart.
  ReplayOptions roomy(const std::string& layout, const std::string& fault) {
    ReplayOptions chosen = impatient(layout);
    chosen.device_tokens = 40'960;
    chosen.host_tokens = 81'920;
    chosen.faults.push_back(fault);
    return chosen;
  }

  // A run that is expected to go wrong, and likely to end at its deadline.
  ReplayRun run_badly(ReplayOptions chosen) {
    chosen.deadline = 1500ms;
    return run(std::move(chosen));
  }

  static void without(ReplayOptions& options, const std::string& repair) {
    ASSERT_TRUE(switch_off(options.rules, repair));
  }
};

TEST_F(RepairsTest, WithoutResultSyncContextParallelRanksKeepTheirOwnLengths) {
  ReplayOptions chosen = slow_storage("sglang:tp=8,cp=4,dp=2");
  expect_clean(run(chosen));
  without(chosen, "result_sync");
  EXPECT_TRUE(first_divergence(run_badly(chosen)));
}

TEST_F(RepairsTest, WithoutLoadAcksRanksUnlockInStepsOfTheirOwn) {
  ReplayOptions chosen = impatient("sglang:tp=8,cp=4,dp=2");
  skew(chosen, "load-ack:cp=1,+40ms");
  expect_clean(run(chosen));
  without(chosen, "load_acks");
  EXPECT_TRUE(first_divergence(run_badly(chosen)));
}

// A repair, and the fault that its absence can't bear.
struct HangCase {
  std::string repair;
  std::string fault;
  std::string layout;
};

class HangsWithoutRepairTest : public RepairsTest, public testing::WithParamInterface<HangCase> {};

TEST_P(HangsWithoutRepairTest, EndsAtTheDeadlineWithNoDigestDifferentAndFixedRunsOn) {
  ReplayOptions chosen = roomy(GetParam().layout, GetParam().fault);
  const ReplayRun fixed = run(chosen);
  // Afterwards ranks may differ in what they hold, which the run says.
  EXPECT_FALSE(fixed.has_deadline_error()) << fixed.errors();
  EXPECT_TRUE(fixed.has_ended_well()) << fixed.errors();

  without(chosen, GetParam().repair);
  const ReplayRun broken = run_badly(chosen);
  EXPECT_TRUE(broken.has_deadline_error()) << broken.errors();
  const std::optional<FirstDifference> differs = first_divergence(broken);
  EXPECT_FALSE(differs) << "in step " << differs->step;
}

std::vector<HangCase> hang_cases() {
  std::vector<HangCase> cases;
  for (const char* layout : {"tp4cp2", "sglang:tp=8,cp=2,dp=2"}) {
    cases.push_back({"entry", "fail_backup:rank=3", layout});
    cases.push_back({"neutral", "fail_prefetch_alloc:rank=3", layout});
    cases.push_back({"examined_set", "miscount_slots:rank=3", layout});
  }
  return cases;
}

std::string letters_of(std::string name) {
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All,
                         HangsWithoutRepairTest,
                         testing::ValuesIn(hang_cases()),
                         [](const testing::TestParamInfo<HangCase>& test) {
                           return letters_of(test.param.repair + "_" + test.param.layout);
                         });

// With a host tier that overflows. The pages that the peers of a rank without room had taken stayed
// in their release queues for good, and such a run hung some hundred steps later: what was evicted
// differed from then on, and then who had a prefetch.
TEST_F(RepairsTest, UnderPressureAPrefetchThatOneRankCouldNotTakePartInHurtsNoLaterOne) {
  for (const char* layout : {"tp4cp2", "sglang:tp=8,cp=2,dp=2"}) {
    ReplayOptions chosen = impatient(layout);
    chosen.faults.emplace_back("fail_prefetch_alloc:rank=3");
    const ReplayRun done = run(chosen);
    EXPECT_TRUE(done.has_ended_well()) << done.errors();
    EXPECT_EQ(done.errors(), "");
    EXPECT_EQ(done.counter("prefetches", 3), done.counter("prefetches", 0));
  }
}

// Layout, skews.
using SkewCase = std::tuple<std::string, std::vector<std::string>>;

class FixedUnderSkewTest : public RepairsTest, public testing::WithParamInterface<SkewCase> {};

TEST_P(FixedUnderSkewTest, RanksOfAReplicaStayEqual) {
  ReplayOptions chosen = options(std::get<0>(GetParam()));
  for (const std::string& text : std::get<1>(GetParam())) skew(chosen, text);
  const ReplayRun done = run(chosen);
  expect_clean(done);
  EXPECT_GT(done.counter("prefetches.pages"), 0U);
  EXPECT_GT(done.counter("load_backs"), 0U);
}

// The last is all four at once.
const std::vector<std::vector<std::string>> kAllSkews = {
    {"storage:rank=1,+2ms"},
    {"write-ack:rank=2,+40ms"},
    {"load-ack:rank=3,+40ms"},
    {"clock:rank=1,+8ms", "clock:rank=2,-8ms", "clock:rank=3,+20000ppm"},
    {"storage:rank=1,+2ms", "write-ack:rank=2,+25ms", "load-ack:rank=3,+15ms", "clock:rank=3,+5ms"},
};

std::vector<std::vector<std::string>> skews() {
  if (kIsSanitized) return {kAllSkews.back()};
  return kAllSkews;
}

INSTANTIATE_TEST_SUITE_P(All,
                         FixedUnderSkewTest,
                         testing::Combine(testing::Values("tp8",
                                                          "tp4cp2",
                                                          "sglang:tp=8,cp=2,dp=2",
                                                          "sglang:tp=8,cp=4,dp=2"),
                                          testing::ValuesIn(skews())),
                         [](const testing::TestParamInfo<SkewCase>& test) {
                           const std::string& first = std::get<1>(test.param).front();
                           const std::string part = std::get<1>(test.param).size() == 4
                                                        ? "all"
                                                        : first.substr(0, first.find(':'));
                           return letters_of(std::get<0>(test.param) + "_" + part);
                         });

TEST_F(RepairsTest, HardcodedTpLetsContextParallelRanksDifferWhereAttentionGroupsDoNot) {
  ReplayOptions chosen = slow_storage("sglang:tp=8,cp=2,dp=2");
  expect_clean(run(chosen));
  chosen.agreement = AgreementKind::kHardcodedTp;
  const ReplayRun before = run_badly(chosen);
  const std::optional<FirstDifference> differs = first_divergence(before);
  ASSERT_TRUE(differs);
  // Those that differ sit on different context parallel ranks: attention TP did agree.
  const Layout& layout = before.layout;
  EXPECT_NE(layout.coordinates(differs->first).attn_cp_rank,
            layout.coordinates(differs->other).attn_cp_rank);
  EXPECT_EQ(layout.coordinates(differs->first).attn_dp_rank,
            layout.coordinates(differs->other).attn_dp_rank);
}

TEST_F(RepairsTest, HardcodedTpIsHarmlessWithOneReplica) {
  ReplayOptions chosen = slow_storage("tp4cp2");
  chosen.agreement = AgreementKind::kHardcodedTp;
  expect_clean(run(chosen));
}

TEST_F(RepairsTest, StageTpHangsWhereReplicasMakeDifferentNumbersOfCalls) {
  ReplayOptions chosen = slow_storage("sglang:tp=8,cp=2,dp=2");
  chosen.agreement = AgreementKind::kStageTp;
  const auto start = std::chrono::steady_clock::now();
  const ReplayRun done = run_badly(chosen);
  EXPECT_TRUE(done.has_deadline_error()) << done.errors();
  EXPECT_THAT(done.errors(), testing::HasSubstr("tp{0,1,2,3,4,5,6,7}"));
  // The deadline, a moment for the others to report, and what a busy machine adds.
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);
}

}  // namespace
}  // namespace radixbench

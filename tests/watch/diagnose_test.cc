#include "watch/diagnose.h"

#include "watch/made_up_recordings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using What = MadeUpRecordings::What;

const RecordedGroup kTp{.name = "tp", .members = {0, 1, 2, 3}, .ordinal = 0};

class DiagnoseTest : public testing::Test {
 protected:
  Diagnosis found() const { return diagnose(made.ranks, options); }
  Verdict first() const { return found().verdicts.front(); }

  // All ranks make a call.
  void all(const What& what) {
    for (Rank rank = 0; rank < 4; ++rank) made.call(rank, kTp, what);
  }

  Layout layout = *make_layout("sglang:tp=4");
  DiagnoseOptions options{.contracts = builtin_contracts(), .layout = &layout};
  MadeUpRecordings made{4};
};

TEST_F(DiagnoseTest, NothingRecordedIsNothingWrong) {
  EXPECT_EQ(first().verdict, VerdictClass::kNone);
  EXPECT_THAT(diagnose({}, {}).verdicts.front().missing_dumps, IsEmpty());
}

// Showed as a diagnosis without an end: it counted from one call to the next.
TEST_F(DiagnoseTest, CallsOfADamagedFileMayBeAnyDistanceApart) {
  all({.step = 1});
  for (Recording& recording : made.ranks) {
    std::get<RecordedCall>(recording.events.back().what).sequence = 1;
  }
  all({.step = 2});
  for (Recording& recording : made.ranks) {
    std::get<RecordedCall>(recording.events.back().what).sequence = ~std::uint64_t{0} - 1;
  }
  EXPECT_EQ(first().verdict, VerdictClass::kNone);
}

TEST_F(DiagnoseTest, OrderOfTheRecordingsSaysNothing) {
  all({.step = 1});
  all({.site = "drain_storage_control_queues", .step = 1});
  for (const Rank rank : {0U, 1U, 3U}) {
    made.call(rank, kTp, {.site = "check_prefetch_progress", .key = 7, .step = 2});
  }
  for (Rank rank = 0; rank < 4; ++rank) {
    made.call(rank,
              kTp,
              {.site = "drain_storage_control_queues",
               .step = 2,
               .state = rank == 2 ? EventState::kLeft : EventState::kInside});
  }
  const Verdict wanted = first();
  EXPECT_EQ(wanted.verdict, VerdictClass::kSkippedCall);
  EXPECT_THAT(wanted.culprit_ranks, ElementsAre(2));
  EXPECT_TRUE(wanted.silent_mispair);
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 20; ++i) {
    std::shuffle(made.ranks.begin(), made.ranks.end(), random);
    const Verdict again = first();
    EXPECT_EQ(again.verdict, wanted.verdict);
    EXPECT_EQ(again.culprit_ranks, wanted.culprit_ranks);
    EXPECT_EQ(again.evidence, wanted.evidence);
  }
}

// Three of four left the call out: who are more are not right for that.
TEST_F(DiagnoseTest, MajorityDecidesNothing) {
  all({.site = "recv_requests", .step = 1});
  all({.step = 1});
  all({.site = "recv_requests", .step = 2});
  made.call(0, kTp, {.step = 2, .state = EventState::kFailed});
  for (const Rank rank : {1U, 2U, 3U}) {
    made.call(rank, kTp, {.site = "recv_requests", .step = 3, .state = EventState::kFailed});
  }
  EXPECT_EQ(first().verdict, VerdictClass::kSkippedCall);
  EXPECT_THAT(first().culprit_ranks, ElementsAre(1, 2, 3));
}

TEST_F(DiagnoseTest, OperatorIsHeldAgainstContractThenHistoryAndElseNobodyIsBlamed) {
  const auto differ = [&](std::uint64_t step) {
    for (Rank rank = 0; rank < 4; ++rank) {
      made.call(rank, kTp, {.step = step, .op = rank == 0 ? ReduceOp::kMin : ReduceOp::kMax});
    }
  };
  differ(1);
  EXPECT_EQ(first().verdict, VerdictClass::kMismatchReduceOp);
  EXPECT_TRUE(first().is_ambiguous);
  EXPECT_THAT(first().culprit_ranks, ElementsAre(0, 1, 2, 3));
  for (Contract& contract : options.contracts) {
    if (contract.site == "writing_check") contract.op = ReduceOp::kMin;
  }
  EXPECT_FALSE(first().is_ambiguous);
  EXPECT_THAT(first().culprit_ranks, ElementsAre(1, 2, 3));

  made = MadeUpRecordings{4};
  options.contracts = builtin_contracts();
  all({.step = 1});
  differ(2);
  EXPECT_THAT(first().culprit_ranks, ElementsAre(1, 2, 3));
}

TEST_F(DiagnoseTest, ShorterLoopIsAmbiguousUntilItsDecisionWasRecorded) {
  for (std::uint64_t step = 0; step < 2; ++step) {
    if (step == 1) all({.site = "recv_requests", .step = 1});
    all({.site = "check_prefetch_progress", .key = 1, .step = step});
    all({.site = "check_prefetch_progress", .key = 2, .step = step});
    if (step == 0) all({.site = "drain_storage_control_queues", .step = 0});
  }
  made.call(0, kTp, {.site = "check_prefetch_progress", .key = 3, .step = 1});
  for (const Rank rank : {1U, 2U, 3U}) {
    made.call(rank, kTp, {.site = "drain_storage_control_queues", .step = 1});
  }
  EXPECT_EQ(first().verdict, VerdictClass::kCallCount);
  EXPECT_TRUE(first().is_ambiguous);
  for (Rank rank = 0; rank < 4; ++rank) {
    made.decide(rank,
                "batch_is_full",
                rank == 0 ? 0 : 1,
                {.site = "check_prefetch_progress", .key = 3, .step = 1});
  }
  EXPECT_EQ(first().verdict, VerdictClass::kCallCount);
  EXPECT_THAT(first().culprit_ranks, ElementsAre(1, 2, 3));
  EXPECT_THAT(first().first_divergence, HasSubstr("batch_is_full rid:3"));
}

TEST_F(DiagnoseTest, ContractForADecisionNamesWhoDeviates) {
  for (Rank rank = 0; rank < 4; ++rank) {
    made.decide(
        rank, "load_back", rank == 0 ? 256 : 0, {.site = "load_back", .key = 42, .step = 3});
  }
  EXPECT_EQ(first().verdict, VerdictClass::kDecisionDivergence);
  EXPECT_TRUE(first().is_ambiguous);
  options.contracts.push_back(*parse_contract_line("site load_back axes=tp key=node outcome=256"));
  EXPECT_THAT(first().culprit_ranks, ElementsAre(1, 2, 3));
  EXPECT_EQ(first().key, "node:42");
}

TEST_F(DiagnoseTest, WaitingForARankWithoutRecordingIsIncomplete) {
  for (const Rank rank : {0U, 1U, 2U}) {
    made.call(rank, kTp, {.step = 1, .state = EventState::kFailed});
  }
  made.ranks.pop_back();
  EXPECT_EQ(first().verdict, VerdictClass::kIncomplete);
  EXPECT_THAT(first().missing_dumps, ElementsAre(3));
}

TEST_F(DiagnoseTest, AllInAndNobodyOutIsTheTransport) {
  all({.step = 1, .state = EventState::kInside});
  EXPECT_EQ(first().verdict, VerdictClass::kTransport);
  options.is_live = true;
  EXPECT_EQ(first().verdict, VerdictClass::kNone) << "they may be about to leave it";
}

TEST_F(DiagnoseTest, RankThatStoppedBetweenCallsIsStalledUnlessItIsSeenAtWork) {
  all({.step = 1});
  for (const Rank rank : {0U, 1U, 2U}) {
    made.call(rank, kTp, {.site = "loading_check", .step = 1, .state = EventState::kFailed});
  }
  EXPECT_EQ(first().verdict, VerdictClass::kStalledUnrecorded);
  EXPECT_THAT(first().culprit_ranks, ElementsAre(3));
  EXPECT_EQ(first().after_site, "writing_check");
  EXPECT_EQ(first().expected_next, "loading_check");
  RecordedEvent busy = made.ranks[3].events.back();
  busy.number = 1;
  busy.state = EventState::kInside;
  busy.what = RecordedActivity{};
  made.ranks[3].events.push_back(busy);
  EXPECT_EQ(first().verdict, VerdictClass::kLateHost);
}

// All parts were told the same and nobody waits: the group alone gives it away.
TEST_F(DiagnoseTest, GroupThatIsTooSmallIsSeenBeforeAnythingDiffers) {
  layout = *make_layout("sglang:tp=4,cp=2");
  options.is_live = true;
  for (Rank rank = 0; rank < 4; ++rank) {
    const RecordedGroup half{.name = "attention_tp",
                             .members = {rank / 2 * 2, rank / 2 * 2 + 1},
                             .ordinal = 1 + rank / 2};
    made.call(rank, half, {.step = 0});
    made.call(rank, half, {.site = "forward", .step = 0});
  }
  EXPECT_EQ(first().verdict, VerdictClass::kWrongGroupTooSmall);
  EXPECT_THAT(first().culprit_ranks, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(first().actual_group, "{0,1}|{2,3}");
  EXPECT_EQ(first().expected_group, "attn_cp x attention_tp{0,1,2,3}");
  EXPECT_FALSE(first().hang);
}

// What failed in its first hop has not left the second one out.
TEST_F(DiagnoseTest, QuestionThatWasCutOffIsNotTooSmall) {
  layout = *make_layout("sglang:tp=4,cp=2");
  const RecordedGroup cp{.name = "attn_cp", .members = {0, 2}, .ordinal = 1};
  made.call(0, cp, {.step = 1, .state = EventState::kFailed});
  made.ranks[0].events.push_back(made.ranks[0].events.front());
  made.ranks[0].events.back().number = 1;
  made.ranks[0].events.back().state = EventState::kLeft;
  made.ranks[0].events.back().what = RecordedThreadEnd{.is_failure = true};
  for (const Verdict& verdict : found().verdicts) {
    EXPECT_NE(verdict.verdict, VerdictClass::kWrongGroupTooSmall);
  }
  made.ranks[0].events.front().state = EventState::kLeft;
  EXPECT_EQ(first().verdict, VerdictClass::kWrongGroupTooSmall);
}

// A killed rank's peers stop one after the other; a sweep of kills showed them blamed for it.
TEST_F(DiagnoseTest, WhoDidNotComeAfterADeathIsNotBlamed) {
  all({.step = 1});
  for (const Rank rank : {0U, 1U}) {
    made.call(rank, kTp, {.site = "loading_check", .step = 1, .state = EventState::kFailed});
  }
  made.ranks[2].fate = RankFate::kKilled;
  made.ranks[2].signal = 9;
  const Diagnosis diagnosis = found();
  ASSERT_EQ(diagnosis.verdicts.size(), 1U);
  EXPECT_EQ(diagnosis.verdicts.front().verdict, VerdictClass::kRankDied);
  EXPECT_THAT(diagnosis.verdicts.front().culprit_ranks, ElementsAre(2));
  made.ranks[2].fate = RankFate::kRunning;
  EXPECT_EQ(first().verdict, VerdictClass::kStalledUnrecorded);
}

// What a ring has overwritten is not what a rank left out.
TEST_F(DiagnoseTest, FirstQuestionAfterAGapIsNotHeldAgainstItsContract) {
  layout = *make_layout("sglang:tp=4,cp=2");
  const RecordedGroup low{.name = "attention_tp", .members = {0, 1}, .ordinal = 1};
  const RecordedGroup high{.name = "attention_tp", .members = {2, 3}, .ordinal = 2};
  for (Rank rank = 0; rank < 4; ++rank) {
    made.call(rank, rank < 2 ? low : high, {.step = 9});
    made.call(rank, rank < 2 ? low : high, {.site = "forward", .step = 9});
  }
  EXPECT_EQ(first().verdict, VerdictClass::kWrongGroupTooSmall);
  for (Recording& recording : made.ranks) {
    recording.lost_count = 100;
    for (RecordedEvent& event : recording.events) event.number += 100;
  }
  EXPECT_EQ(first().verdict, VerdictClass::kNone);
}

TEST_F(DiagnoseTest, HarmlessWhereTheGroupIsTheWholeReplica) {
  layout = *make_layout("sglang:tp=4,cp=2");
  all({.step = 1});
  all({.site = "forward", .step = 1});
  EXPECT_EQ(first().verdict, VerdictClass::kNone);
  layout = *make_layout("sglang:tp=4,dp=2");
  EXPECT_EQ(first().verdict, VerdictClass::kWrongGroupTooLarge);
  EXPECT_EQ(first().expected_group, "attention_tp{0,1}");
}

TEST(ContractTest, FileIsReadLineByLineAndSaysWhereItIsWrong) {
  std::vector<Contract> contracts = builtin_contracts();
  const std::size_t known = contracts.size();
  ASSERT_TRUE(
      parse_contracts("# ours\nsite poll axes=attn_cp*attention_tp members=per_key key=op\n"
                      "site forward axes=tp\n",
                      "sites.txt",
                      contracts));
  EXPECT_EQ(contracts.size(), known + 1);
  EXPECT_EQ(find_contract(contracts, "poll")->axes, "attn_cp x attention_tp");
  EXPECT_EQ(find_contract(contracts, "forward")->axes, "tp");
  const Result<void> bad = parse_contracts("site a\nsite b members=some\n", "sites.txt", contracts);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(bad.error().message, HasSubstr("sites.txt:2: 'members=some'"));
}

}  // namespace
}  // namespace radixbench

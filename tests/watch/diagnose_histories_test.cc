#include "layout/layout.h"
#include "watch/call_history.h"
#include "watch/diagnose.h"
#include "watch/rank_limit.h"

#include <gmock/gmock.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace radixbench {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Where a rank was when its history was taken: in its last call, or out of it and in none.
struct Stand {
  std::uint32_t calls = 0;
  bool is_inside = false;
};

constexpr std::uint32_t kCallsOfARound = 4;
constexpr std::int64_t kStartNs = 1'800'000'000'000'000'000;
constexpr std::int64_t kCallNs = 1'000'000;

// What a rank has of a loop over the calls of one group, of a library that does not tell who came
// out of a call.
Recording history_of(Rank rank, RecordedGroup group, const Stand& stand) {
  Recording recording;
  recording.kind = RecordingKind::kLibraryHistory;
  recording.rank = rank;
  recording.threads = {"main"};
  recording.groups = {std::move(group)};
  recording.stacks = {{}};
  for (std::uint32_t site = 1; site <= kCallsOfARound; ++site) {
    recording.sites.push_back("site " + std::to_string(site));
    recording.stacks.push_back({{.name = recording.sites.back(), .file = "loop.py", .line = site}});
  }
  recording.signatures.push_back({.kind = "allreduce", .type = "Int", .sizes = "[2]->[2]"});
  for (std::uint32_t i = 0; i < stand.calls; ++i) {
    RecordedCall call;
    call.kind = CallKind::kAllReduce;
    call.sequence = i;
    call.signature = 1;
    RecordedEvent& event = recording.events.emplace_back();
    event.number = i;
    event.site = 1 + i % kCallsOfARound;
    event.enter_ns = kStartNs + i * kCallNs;
    event.what = call;
  }
  if (stand.is_inside) recording.events.back().state = EventState::kInside;
  return recording;
}

// Replicas of two ranks each, which have nothing to do with each other.
std::vector<Recording> replicas(const std::vector<std::array<Stand, 2>>& stands) {
  std::vector<Recording> ranks;
  for (const std::array<Stand, 2>& replica : stands) {
    const RecordedGroup group{.name = "attention_tp",
                              .members = {},
                              .label = std::to_string(1 + ranks.size() / 2),
                              .slot = 1};
    for (const Stand& stand : replica) {
      ranks.push_back(history_of(static_cast<Rank>(ranks.size()), group, stand));
    }
  }
  return ranks;
}

Diagnosis found(const std::vector<std::array<Stand, 2>>& stands) {
  const Layout layout = *make_layout("sglang:tp=" + std::to_string(2 * stands.size()) +
                                     ",dp=" + std::to_string(stands.size()));
  return diagnose(replicas(stands), {.contracts = {}, .layout = &layout});
}

constexpr Stand in(std::uint32_t calls) { return {.calls = calls, .is_inside = true}; }
constexpr Stand out(std::uint32_t calls) { return {.calls = calls, .is_inside = false}; }

// Showed as a verdict of late/host about a job in good health: its second replica was looked at
// while one of its two ranks had come to a call and the other was on its way there.
TEST(DiagnoseHistoriesTest, ReplicasAbreastOfEachOtherRun) {
  const Diagnosis running =
      found({{out(61), out(61)}, {in(63), out(62)}, {in(60), out(59)}, {out(66), out(66)}});
  EXPECT_EQ(running.verdicts.front().verdict, VerdictClass::kNone);
  // The others may just be between two rounds.
  const Diagnosis begun = found({{in(63), out(62)}, {out(64), out(64)}});
  EXPECT_EQ(begun.verdicts.front().verdict, VerdictClass::kNone);
}

TEST(DiagnoseHistoriesTest, ARankIsLateWhereOtherReplicasWentOn) {
  const Diagnosis late =
      found({{out(361), out(361)}, {in(63), out(62)}, {in(360), out(359)}, {out(366), out(366)}});
  EXPECT_EQ(late.verdicts.front().verdict, VerdictClass::kLateHost);
  EXPECT_THAT(late.verdicts.front().culprit_ranks, ElementsAre(3));
  EXPECT_THAT(late.verdicts.front().what_would_help, HasSubstr("a second dump"));
  EXPECT_EQ(late.verdicts.size(), 1U);
}

// One small group alone looks the same whether a rank is late or on its way.
TEST(DiagnoseHistoriesTest, ARankThatCalledJustBeforeItsFileWasWrittenIsNotLate) {
  const auto written = [](std::int64_t after_ns) {
    std::vector<Recording> ranks = replicas({{in(63), out(62)}});
    for (Recording& recording : ranks) {
      recording.read_ns = recording.events.back().enter_ns + after_ns;
    }
    return diagnose(ranks, {}).verdicts.front().verdict;
  };
  EXPECT_EQ(written(kActiveWithinNs - 1), VerdictClass::kNone);
  EXPECT_EQ(written(kActiveWithinNs), VerdictClass::kLateHost);
  EXPECT_EQ(written(-1), VerdictClass::kLateHost);
}

TEST(DiagnoseHistoriesTest, AReplicaThatRestsSaysNothingOfWhoIsLate) {
  const Diagnosis late = found({{in(215), out(214)}, {in(9), out(8)}});
  EXPECT_EQ(late.verdicts.front().verdict, VerdictClass::kLateHost);
  EXPECT_THAT(late.verdicts.front().culprit_ranks, ElementsAre(1));
  // One that is in the midst of a round and yet so far behind says that nobody has been late long.
  const Diagnosis running = found({{in(215), out(214)}, {out(11), out(11)}});
  EXPECT_EQ(running.verdicts.front().verdict, VerdictClass::kNone);
}

TEST(DiagnoseHistoriesTest, AReplicaThatDiedSaysNothingOfWhoIsLate) {
  std::vector<Recording> ranks = replicas({{in(63), out(62)}, {in(60), out(60)}});
  ranks.pop_back();
  const Layout layout = *make_layout("sglang:tp=4,dp=2");
  const Diagnosis both = diagnose(ranks, {.contracts = {}, .layout = &layout});
  std::vector<VerdictClass> classes;
  for (const Verdict& verdict : both.verdicts) classes.push_back(verdict.verdict);
  EXPECT_THAT(classes, ElementsAre(VerdictClass::kRankDied, VerdictClass::kLateHost));
}

// Showed as gigabytes of ranks that left nothing.
TEST(DiagnoseHistoriesTest, NumbersOfGroupsThatPointToAnAbsurdWorldAreNotBelieved) {
  const auto world = [](const std::string& label) {
    std::vector<Recording> ranks;
    for (Rank rank = 0; rank < 4; ++rank) {
      ranks.push_back(history_of(
          rank,
          {.name = "attention_tp", .members = {}, .label = std::to_string(1 + rank / 2), .slot = 1},
          out(8)));
      ranks.back().groups.push_back(
          {.name = "attn_world", .members = {}, .label = label, .slot = 2});
    }
    return diagnose(ranks, {});
  };
  const Diagnosis absurd = world("4000000000");
  EXPECT_THAT(absurd.notes,
              Contains("the numbers of the groups point to 7999999998 ranks, more than 262144, and "
                       "are not believed"));
  EXPECT_THAT(absurd.verdicts.front().missing_dumps, IsEmpty());
  const Diagnosis possible = world("4");
  EXPECT_THAT(possible.verdicts.front().missing_dumps, ElementsAre(4, 5));
}

// Showed as hours of looking for each member among all of them.
TEST(DiagnoseHistoriesTest, AGroupOfMoreRanksThanAnyJobHasIsDiagnosed) {
  RecordedGroup group{.name = "default_pg", .members = {}, .label = "0", .slot = 0};
  for (Rank rank = 0; rank < kRecordedRanksMax / 4; ++rank) group.members.push_back(rank);
  const Diagnosis diagnosis = diagnose(std::vector{history_of(0, group, in(5))}, {});
  EXPECT_EQ(diagnosis.verdicts.front().verdict, VerdictClass::kIncomplete);
  EXPECT_EQ(diagnosis.verdicts.front().missing_dumps.size(), kRecordedRanksMax / 4 - 1);
}

}  // namespace
}  // namespace radixbench

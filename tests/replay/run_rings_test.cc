// What rings say of replays with real ranks.

#include "replay/run_rings.h"

#include "base/decision.h"
#include "replay/replay.h"
#include "replay/replay_fixture.h"
#include "watch/ring_reader.h"
#include "watch/ring_recorder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <tuple>
#include <variant>

namespace radixbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using DecisionKey = std::tuple<std::string, std::uint64_t, std::uint64_t>;  // guard, step, key
using Decisions = std::map<DecisionKey, std::vector<std::int64_t>>;

// Of steps from `step` on.
Decisions decisions_of(const Recording& recording, std::uint64_t step) {
  Decisions decisions;
  for (const RecordedEvent& event : recording.events) {
    const auto* decision = std::get_if<RecordedDecision>(&event.what);
    if (decision == nullptr || event.step < step) continue;
    decisions[{recording.guards.at(decision->guard), event.step, event.key}].push_back(
        decision->outcome);
  }
  return decisions;
}

// The first step that nothing is missing of.
std::uint64_t first_whole_step(const Recording& recording) {
  if (recording.lost_count == 0) return 0;
  for (const RecordedEvent& event : recording.events) {
    if (std::holds_alternative<RecordedDecision>(event.what)) return event.step + 1;
  }
  return 0;
}

class RunRingsTest : public ReplayTest {
 protected:
  ReplayPlan plan(ReplayOptions options) {
    options.output_directory = (directory() / "run").string();
    Result<ReplayPlan> plan = make_plan(std::move(options));
    EXPECT_TRUE(plan) << plan.error().message;
    return *std::move(plan);
  }
};

// What a guard is told apart by must not be what one rank alone knows: else a run that is well
// reads as one that is not.
TEST_F(RunRingsTest, RanksOfAReplicaThatAreWellDecideAlike) {
  ReplayOptions wanted = options("tp2cp2dp2");
  skew(wanted, "storage:cp=1,+9ms");
  const ReplayRun well = run(wanted);
  expect_clean(well);
  ASSERT_EQ(well.recordings.size(), 8U);
  for (Rank rank = 0; rank < 8; ++rank) {
    const Rank first = well.layout.replica(rank).front();
    const Recording& one = well.recordings[first];
    const Recording& other = well.recordings[rank];
    const std::uint64_t step = std::max(first_whole_step(one), first_whole_step(other));
    const Decisions decisions = decisions_of(one, step);
    EXPECT_GT(decisions.size(), 50U);
    EXPECT_EQ(decisions, decisions_of(other, step)) << "ranks " << first << " and " << rank;
  }
}

TEST_F(RunRingsTest, EveryGuardSpeaksInARun) {
  const ReplayRun well = run(options("tp2"));
  std::map<std::string, int> counts;
  for (const RecordedEvent& event : well.recordings.at(1).events) {
    if (const auto* decision = std::get_if<RecordedDecision>(&event.what)) {
      ++counts[well.recordings[1].guards.at(decision->guard)];
    }
  }
  for (std::uint16_t guard = 1; guard < kGuardCount; ++guard) {
    const std::string name{to_string(static_cast<Guard>(guard))};
    EXPECT_GT(counts[name], 0) << name;
  }
}

std::vector<std::string> creations_of(const Recording& recording) {
  std::vector<std::string> creations;
  for (const RecordedEvent& event : recording.events) {
    const auto* creation = std::get_if<RecordedCreation>(&event.what);
    if (creation == nullptr) continue;
    const RecordedGroup& group = recording.groups.at(creation->group);
    creations.push_back(fmt::format(
        "{} {} {}", group.ordinal, describe({group.name, group.members, 0}), creation->timeout_ns));
  }
  return creations;
}

TEST_F(RunRingsTest, AllRanksRecordTheCreationsOfAllGroups) {
  const ReplayRun well = run(options("tp2dp2"));
  const std::vector<std::string> creations = creations_of(well.recordings.at(0));
  EXPECT_THAT(creations, testing::Contains("0 tp{0,1,2,3} 20000000000"));
  EXPECT_THAT(creations, testing::Contains(HasSubstr("prefetch.attention_tp{2,3}")));
  for (const Recording& recording : well.recordings) {
    EXPECT_EQ(creations_of(recording), creations) << recording.rank;
  }
}

TEST_F(RunRingsTest, LoneAgreementIsACallOnAGroupOfOne) {
  ReplayOptions lone = options("cp2dp2");
  lone.agreement = AgreementKind::kHardcodedTp;
  const ReplayRun ran = run(lone);
  const Recording& recording = ran.recordings.at(1);
  std::size_t lone_count = 0;
  for (const RecordedEvent& event : recording.events) {
    const auto* call = std::get_if<RecordedCall>(&event.what);
    if (call == nullptr || recording.sites[event.site] != "drain_storage_control_queues") continue;
    EXPECT_THAT(recording.groups.at(call->group).members, ElementsAre(1U));
    EXPECT_EQ(event.state, EventState::kLeft);
    EXPECT_EQ(call->kind, CallKind::kAllReduce);
    EXPECT_EQ(call->sequence > 0, lone_count > 0 || recording.lost_count > 0);
    ++lone_count;
  }
  EXPECT_GT(lone_count, 0U);
  EXPECT_EQ(ran.counter("wire_ops.drain_storage_control_queues"), 0U);
}

TEST_F(RunRingsTest, PrefetchThreadEndsWellWhereTheRunDoes) {
  const ReplayRun well = run(options("tp2"));
  for (const Recording& recording : well.recordings) {
    EXPECT_EQ(recording.fate, RankFate::kEnded);
    const auto end = std::ranges::find_if(recording.events, [](const RecordedEvent& event) {
      return std::holds_alternative<RecordedThreadEnd>(event.what);
    });
    ASSERT_NE(end, recording.events.end());
    EXPECT_EQ(recording.threads.at(end->thread), "prefetch");
    EXPECT_FALSE(std::get<RecordedThreadEnd>(end->what).is_failure);
  }
}

TEST_F(RunRingsTest, KilledRankIsFoundWhereItWas) {
  ReplayOptions killed = options("tp2");
  killed.transport = Transport::kShm;
  killed.faults = {"kill:rank=1,at=call,n=60"};
  const ReplayPlan of_it = plan(killed);
  const Result<ReplayResult> result = replay(of_it, {});
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->recordings.size(), 2U);
  EXPECT_EQ(result->recordings[0].fate, RankFate::kEnded);
  const Result<Recording> file = read_ring_file(ring_file(of_it, 1));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->fate, RankFate::kKilled);
  EXPECT_EQ(file->signal, SIGKILL);
  EXPECT_GT(file->heartbeat_ns, 0);
  const auto is_inside = [](const RecordedEvent& event) {
    return event.state == EventState::kInside && std::holds_alternative<RecordedCall>(event.what);
  };
  EXPECT_TRUE(std::ranges::any_of(file->events, is_inside));
}

TEST_F(RunRingsTest, WhereNoFileCanBeMemoryHasIt) {
  const ReplayPlan of_it = plan(options("tp2"));
  const std::string in_the_way = of_it.options.output_directory + "/rings";
  std::ofstream{in_the_way} << "no folder";
  Result<RunRings> rings = RunRings::create(of_it);
  ASSERT_TRUE(rings) << rings.error().message;
  RingRecorder{rings->ring(1)}.stepped(4);
  EXPECT_EQ(rings->recordings().size(), 2U);
  EXPECT_GT(rings->recordings()[1].heartbeat_ns, 0);

  std::filesystem::remove(in_the_way);
  std::filesystem::create_directory(in_the_way);
  const std::vector<std::string> notes = rings->finish();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("rank00000.ring: cannot create"));
  for (Rank rank = 0; rank < 2; ++rank) EXPECT_TRUE(read_ring_file(ring_file(of_it, rank)));
}

TEST_F(RunRingsTest, FilesNeedNoWord) {
  const ReplayPlan of_it = plan(options("tp2"));
  Result<RunRings> rings = RunRings::create(of_it);
  ASSERT_TRUE(rings);
  EXPECT_THAT(rings->finish(), IsEmpty());
  EXPECT_TRUE(read_ring_file(ring_file(of_it, 1)));
}

}  // namespace
}  // namespace radixbench

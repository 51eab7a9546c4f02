#include "replay/scenario_run.h"

#include "replay/scenario_cell.h"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <variant>

namespace radixbench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Values;

Scenario parsed(const std::string& body) {
  auto scenario =
      parse_scenario("scenario test\nlayout sglang:tp=2\ndeadline 100ms\n" + body, "test");
  if (!scenario) ADD_FAILURE() << scenario.error().message;
  return scenario ? *std::move(scenario) : Scenario{};
}

std::vector<RecordedEvent> calls_of(const Recording& recording) {
  std::vector<RecordedEvent> calls;
  for (const RecordedEvent& event : recording.events) {
    if (std::holds_alternative<RecordedCall>(event.what)) calls.push_back(event);
  }
  return calls;
}

class ScenarioRunTest : public testing::TestWithParam<std::string> {
 protected:
  static ScenarioRun run(const Scenario& scenario, ScenarioRunOptions options = {}) {
    options.transport = GetParam();
    auto run = run_scenario(scenario, options);
    if (!run) ADD_FAILURE() << run.error().message;
    return run ? *std::move(run) : ScenarioRun{};
  }
};

TEST_P(ScenarioRunTest, RecordsWhatEachRankDidAndWhatItCameTo) {
  const ScenarioRun ran = run(parsed(R"(
* create tp 0-1 site=setup timeout=7s
* tick
0 call writing_check on=tp all_reduce min i32 key=9 values=5,$rank
1 call writing_check on=tp all_reduce min i32 key=9 values=4,$rank
* decide load_back room outcome=3 key=2 inputs=8,$step
)"));
  ASSERT_EQ(ran.recordings.size(), 2U);
  for (const Recording& recording : ran.recordings) {
    EXPECT_EQ(recording.fate, RankFate::kEnded);
    EXPECT_EQ(recording.lost_count, 0U);
    const auto calls = calls_of(recording);
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_EQ(recording.sites[calls[0].site], "writing_check");
    EXPECT_EQ(recording.threads[calls[0].thread], "scheduler");
    EXPECT_EQ(calls[0].key, 9U);
    EXPECT_EQ(calls[0].step, 1U);
    const auto& call = std::get<RecordedCall>(calls[0].what);
    EXPECT_EQ(call.type, ElementType::kInt32);
    EXPECT_EQ(call.results[0], 4);
    EXPECT_EQ(call.results[1], 0);
    EXPECT_THAT(recording.groups[call.group].members, ElementsAre(0, 1));
    const auto* decision = std::get_if<RecordedDecision>(&recording.events.back().what);
    ASSERT_NE(decision, nullptr);
    EXPECT_EQ(recording.guards[decision->guard], "room");
    EXPECT_EQ(recording.sites[recording.events.back().site], "load_back");
    EXPECT_EQ(decision->outcome, 3);
    EXPECT_EQ(decision->inputs[1], 1);
  }
}

TEST_P(ScenarioRunTest, ThreadStopsAtItsFirstFailureAndOthersGoOn) {
  const ScenarioRun ran = run(parsed(R"(
* create tp 0-1
* create hits 0-1
*/prefetch call prefetch.hit_count on=hits barrier
!0 call writing_check on=tp barrier
0 call loading_check on=tp barrier
~1 call loading_check on=tp barrier
0-1/prefetch call prefetch.hit_count on=hits barrier key=2
)"));
  const auto waiting = calls_of(ran.recordings.at(0));
  ASSERT_EQ(waiting.size(), 3U) << "what comes after the call that failed is not made";
  std::size_t failed = 0;
  for (const RecordedEvent& call : waiting) {
    if (call.state == EventState::kLeft) continue;
    ++failed;
    EXPECT_EQ(ran.recordings[0].sites[call.site], "writing_check");
    EXPECT_EQ(call.state, EventState::kFailed);
    EXPECT_GE(call.exit_ns - call.enter_ns, 100'000'000);
  }
  EXPECT_EQ(failed, 1U);
  EXPECT_EQ(ran.recordings[1].fate, RankFate::kRunning) << "it idles while rank 0 waits for it";
  ASSERT_EQ(ran.failures.size(), 1U);
  EXPECT_THAT(ran.failures[0], HasSubstr("rank 0"));
}

TEST_P(ScenarioRunTest, KilledRankLeavesItsLastCallOpenAndIsNamedAtOnce) {
  Scenario scenario = parsed(R"(
* create tp 0-1
* call writing_check on=tp barrier
1/prefetch call prefetch.hit_count on=tp barrier
0 call writing_check on=tp barrier
1 sleep 20ms
1 kill
)");
  scenario.call_deadline = 20s;
  const ScenarioRun ran = run(scenario);
  EXPECT_EQ(ran.recordings.at(1).fate, RankFate::kKilled);
  EXPECT_EQ(ran.recordings[1].signal, 9);
  EXPECT_EQ(ran.recordings[0].fate, RankFate::kRunning);
}

TEST_P(ScenarioRunTest, StalledRankEndsWithTheRun) {
  const ScenarioRun ran = run(parsed(R"(
* create tp 0-1
1 stall
0 call writing_check on=tp barrier
)"));
  EXPECT_FALSE(ran.was_given_up);
  EXPECT_THAT(calls_of(ran.recordings.at(1)), testing::IsEmpty());
}

TEST_P(ScenarioRunTest, RunThatExceedsItsTimeIsGivenUp) {
  const ScenarioRun ran =
      run(parsed("* sleep 500s\n"), {.run_deadline = std::chrono::milliseconds{100}});
  EXPECT_TRUE(ran.was_given_up);
}

TEST_P(ScenarioRunTest, LoopsCountTheirPassesAndDrawFromTheSeed) {
  const Scenario scenario = parsed(R"(
* create tp 0-1
repeat 2
  repeat 3
    * call writing_check on=tp all_gather key=$i+10 values=0..1000000
  end
end
)");
  const auto keys_and_values = [&](std::uint64_t seed) {
    std::vector<std::int64_t> all;
    for (const RecordedEvent& call : calls_of(run(scenario, {.seed = seed}).recordings.at(1))) {
      all.push_back(static_cast<std::int64_t>(call.key));
      all.push_back(std::get<RecordedCall>(call.what).results[1]);
    }
    return all;
  };
  const std::vector<std::int64_t> first = keys_and_values(1);
  ASSERT_EQ(first.size(), 12U);
  EXPECT_EQ(first[0], 10);
  EXPECT_EQ(first[4], 12);
  EXPECT_EQ(first[6], 10);
  EXPECT_NE(first[1], first[3]);
  EXPECT_EQ(keys_and_values(1), first);
  EXPECT_NE(keys_and_values(2), first);
}

TEST_P(ScenarioRunTest, MarksOrderTheThreadsOfARank) {
  const ScenarioRun ran = run(parsed(R"(
* create tp 0-1
*/prefetch call prefetch.hit_count on=tp barrier
*/prefetch mark asked
* after asked
* call writing_check on=tp barrier
)"));
  for (const Recording& recording : ran.recordings) {
    const auto calls = calls_of(recording);
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(recording.threads[calls[0].thread], "prefetch");
    EXPECT_EQ(recording.threads[calls[1].thread], "scheduler");
    EXPECT_EQ(std::get<RecordedCall>(calls[1].what).sequence, 1U);
  }
}

std::string name_transport(const testing::TestParamInfo<std::string>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Transports,
                         ScenarioRunTest,
                         Values(std::string{"threads"}, std::string{"shm"}),
                         name_transport);

TEST(ScenarioRunRefusalTest, WhatATransportLacksIsSaidBeforeAnythingRuns) {
  const Scenario scenario = parsed(R"(
* create pp 0-1
0 call sync on=pp send to=1 values=1
1 call sync on=pp recv from=0 n=1
)");
  const auto over_shm = run_scenario(scenario, {.transport = "shm"});
  ASSERT_FALSE(over_shm);
  EXPECT_EQ(over_shm.error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(run_scenario(scenario, {.transport = "threads"}));
  const auto nowhere = run_scenario(scenario, {.transport = "pigeons"});
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("pigeons"));
}

}  // namespace
}  // namespace radixbench

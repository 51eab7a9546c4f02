#include "support/temp_directory.h"
#include "watch/ring_fixture.h"
#include "watch/ring_reader.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

namespace radixbench {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const GroupSpec kTp{.name = "attention_tp", .members = {0, 1}, .ordinal = 3};
const GroupSpec kCp{.name = "attn_cp", .members = {1, 3}, .ordinal = 5};

TEST(RingRecorderTest, CallReadsBackAsItWasMade) {
  Ring ring;
  ring.recorder.stepped(17);
  CallRecord call = Ring::call(kTp, 9, 77);
  ring.recorder.thread("scheduler").entered(call);
  Ring::finish(call);
  ring.recorder.thread("scheduler").left(call);
  const Recording recording = ring.read();
  EXPECT_EQ(recording.rank, 1U);
  ASSERT_EQ(recording.events.size(), 1U);
  const RecordedEvent& event = recording.events[0];
  EXPECT_EQ(recording.sites.at(event.site), "can_terminate_prefetch");
  EXPECT_EQ(recording.threads.at(event.thread), "scheduler");
  EXPECT_EQ(event.key, 77U);
  EXPECT_EQ(event.step, 17U);
  EXPECT_EQ(event.state, EventState::kLeft);
  EXPECT_EQ(event.enter_ns, call.enter_ns);
  EXPECT_EQ(event.exit_ns, call.exit_ns);
  const auto& made = std::get<RecordedCall>(event.what);
  EXPECT_EQ(recording.groups.at(made.group).name, "attention_tp");
  EXPECT_THAT(recording.groups.at(made.group).members, ElementsAre(0U, 1U));
  EXPECT_EQ(recording.groups.at(made.group).ordinal, 3U);
  EXPECT_EQ(made.kind, CallKind::kAllReduce);
  EXPECT_EQ(made.op, ReduceOp::kMax);
  EXPECT_EQ(made.type, ElementType::kInt64);
  EXPECT_EQ(made.element_count, 2U);
  EXPECT_EQ(made.sequence, 9U);
  ASSERT_EQ(made.result_count, 2U);
  EXPECT_EQ(made.results[0], 9);
  EXPECT_EQ(made.results[1], -2);
}

TEST(RingRecorderTest, FailedCallIsFailedAndHasNoResults) {
  Ring ring;
  CallRecord call = Ring::call(kTp, 0);
  ring.recorder.thread("scheduler").entered(call);
  Ring::finish(call, false);
  ring.recorder.thread("scheduler").left(call);
  const Recording recording = ring.read();
  ASSERT_EQ(recording.events.size(), 1U);
  EXPECT_EQ(recording.events[0].state, EventState::kFailed);
  EXPECT_EQ(std::get<RecordedCall>(recording.events[0].what).result_count, 0U);
}

TEST(RingRecorderTest, DecisionKeepsGuardSiteOutcomeAndInputs) {
  Ring ring;
  ASSERT_TRUE(ring.recorder.name_guard(static_cast<Guard>(300), "my_guard"));
  ring.recorder.thread("scheduler")
      .decided({.guard = Guard::kAdmit,
                .site = 9,
                .step = 4,
                .key = 12,
                .outcome = -5,
                .inputs = {7, -8},
                .input_count = 2});
  ring.recorder.thread("scheduler").decided({.guard = static_cast<Guard>(300)});
  const Recording recording = ring.read();
  ASSERT_EQ(recording.events.size(), 2U);
  const auto& decision = std::get<RecordedDecision>(recording.events[0].what);
  EXPECT_EQ(recording.guards.at(decision.guard), "admit");
  EXPECT_EQ(recording.sites.at(recording.events[0].site), "forward");
  EXPECT_EQ(recording.events[0].step, 4U);
  EXPECT_EQ(recording.events[0].key, 12U);
  EXPECT_EQ(decision.outcome, -5);
  ASSERT_EQ(decision.input_count, 2U);
  EXPECT_EQ(decision.inputs[1], -8);
  const auto& other = std::get<RecordedDecision>(recording.events[1].what);
  EXPECT_EQ(recording.guards.at(other.guard), "my_guard");
}

TEST(RingRecorderTest, WhoeverIsInsideIsNotLostWhenOthersWrapTheRing) {
  Ring ring;
  RingThread& prefetch = ring.recorder.thread("prefetch");
  CallRecord stuck = Ring::call(kCp, 5, 1234);
  prefetch.entered(stuck);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Ring::make_call(ring.recorder.thread("scheduler"), kTp, i);
  }
  Recording recording = ring.read();
  ASSERT_EQ(recording.events.size(), 65U);
  EXPECT_EQ(recording.lost_count, 936U);
  EXPECT_EQ(recording.events[0].state, EventState::kInside);
  EXPECT_EQ(recording.events[0].key, 1234U);
  EXPECT_EQ(recording.events[0].exit_ns, 0);
  EXPECT_EQ(std::get<RecordedCall>(recording.events[1].what).sequence, 936U);

  Ring::finish(stuck);
  prefetch.left(stuck);
  recording = ring.read();
  ASSERT_EQ(recording.events.size(), 64U) << "its end is younger than what it takes the place of";
  EXPECT_EQ(recording.events[0].state, EventState::kLeft);
  EXPECT_EQ(recording.events[0].key, 1234U);
}

TEST(RingRecorderTest, ActivitiesNestRoundCalls) {
  Ring ring;
  RingThread& thread = ring.recorder.thread("prefetch");
  thread.begin_activity(8, 1);
  thread.begin_activity(8, 2);
  Ring::make_call(thread, kTp, 0);
  thread.end_activity();
  const Recording recording = ring.read();
  const std::vector<RecordedEvent> activities = events_of<RecordedActivity>(recording);
  ASSERT_EQ(activities.size(), 2U);
  EXPECT_EQ(activities[0].key, 1U);
  EXPECT_EQ(activities[0].state, EventState::kInside);
  EXPECT_EQ(activities[1].key, 2U);
  EXPECT_EQ(activities[1].state, EventState::kLeft);
}

TEST(RingRecorderTest, MoreThanThereIsRoomForIsRecordedWhenItEnds) {
  Ring ring;
  RingThread& thread = ring.recorder.thread("scheduler");
  std::vector<CallRecord> calls;
  for (std::uint64_t i = 0; i <= kRingOpenMax; ++i) {
    calls.push_back(Ring::call(kTp, i));
    thread.entered(calls.back());
  }
  EXPECT_EQ(ring.read().events.size(), kRingOpenMax);
  for (CallRecord& call : calls) {
    Ring::finish(call);
    thread.left(call);
  }
  const Recording recording = ring.read();
  EXPECT_EQ(recording.events.size(), kRingOpenMax + 1);
  for (const RecordedEvent& event : recording.events) EXPECT_EQ(event.state, EventState::kLeft);
}

TEST(RingRecorderTest, CreationsAreKeptForEverWithThoseOfOtherRanks) {
  Ring ring;
  RingThread& thread = ring.recorder.thread("scheduler");
  const GroupSpec other{.name = "attn_cp", .members = {0, 2}, .ordinal = 4};
  thread.opening(kTp, true, 0, seconds{30});
  thread.opened(true);
  thread.opening(other, false, 0, seconds{30});
  thread.opening(kCp, true, 0, seconds{5});
  for (std::uint64_t i = 0; i < 200; ++i) Ring::make_call(thread, kTp, i);
  const Recording recording = ring.read();
  const std::vector<RecordedEvent> creations = events_of<RecordedCreation>(recording);
  ASSERT_EQ(creations.size(), 3U);
  EXPECT_EQ(recording.groups.size(), 3U) << "calls are on groups that were created";
  EXPECT_EQ(creations[0].state, EventState::kLeft);
  EXPECT_EQ(creations[1].state, EventState::kLeft);
  EXPECT_EQ(creations[2].state, EventState::kInside);
  const auto& stuck = std::get<RecordedCreation>(creations[2].what);
  EXPECT_EQ(recording.groups.at(stuck.group).ordinal, 5U);
  EXPECT_EQ(stuck.timeout_ns, 5'000'000'000);
  thread.opened(false);
  EXPECT_EQ(events_of<RecordedCreation>(ring.read())[2].state, EventState::kFailed);
}

TEST(RingRecorderTest, GroupsAndMembersWithoutRoomAreSaidToBeMissing) {
  Ring ring{{.rank = 0,
             .world_size = 4,
             .record_count = 16,
             .group_count_max = 2,
             .member_count_max = 3}};
  RingThread& thread = ring.recorder.thread("scheduler");
  Ring::make_call(thread, kTp, 0);
  EXPECT_THAT(ring.read().not_visible, IsEmpty());
  Ring::make_call(thread, kCp, 0);
  EXPECT_THAT(ring.read().not_visible, ElementsAre("members"));
  Ring::make_call(thread, {.name = "tp", .members = {1}, .ordinal = 9}, 0);
  const Recording recording = ring.read();
  EXPECT_THAT(recording.not_visible, ElementsAre("groups", "members"));
  ASSERT_EQ(recording.events.size(), 3U);
  EXPECT_THAT(recording.groups.at(std::get<RecordedCall>(recording.events[1].what).group).members,
              IsEmpty());
}

TEST(RingRecorderTest, EndOfAThreadIsKeptAndTheFirstCounts) {
  Ring ring;
  ring.recorder.stepped(8);
  ring.recorder.thread("prefetch").ended(true);
  ring.recorder.thread("prefetch").ended(false);
  const std::vector<RecordedEvent> ends = events_of<RecordedThreadEnd>(ring.read());
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_TRUE(std::get<RecordedThreadEnd>(ends[0].what).is_failure);
  EXPECT_EQ(ends[0].step, 8U);
}

TEST(RingRecorderTest, NamesThatCannotBeAreRefused) {
  Ring ring;
  EXPECT_TRUE(ring.recorder.name_site(100, "mine"));
  EXPECT_TRUE(ring.recorder.name_site(100, "mine"));
  EXPECT_THAT(ring.recorder.name_site(100, "yours").error().message,
              HasSubstr("site 100 is 'mine'"));
  EXPECT_FALSE(ring.recorder.name_site(101, std::string(kRingNameBytes + 1, 'x')));
  Result<void> named;
  for (std::uint16_t site = 200; site < 600 && named; ++site) {
    named = ring.recorder.name_site(site, "s" + std::to_string(site));
  }
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().code, ErrorCode::kCannotCreate);
}

TEST(RingRecorderTest, SiteThatNobodyNamedHasItsNumber) {
  Ring ring;
  CallRecord call = Ring::call(kTp, 0);
  call.call.site = 777;
  ring.recorder.thread("scheduler").entered(call);
  const Recording recording = ring.read();
  EXPECT_EQ(recording.sites.at(recording.events.at(0).site), "site 777");
}

// How many calls of each thread are in the recording; each is whole, and in its thread's order.
std::vector<std::uint64_t> count_whole_calls(const Recording& recording) {
  std::vector<std::uint64_t> counts(recording.threads.size());
  std::vector<std::int64_t> last(recording.threads.size(), -1);
  for (const RecordedEvent& event : recording.events) {
    const auto& call = std::get<RecordedCall>(event.what);
    const auto sequence = static_cast<std::int64_t>(call.sequence);
    EXPECT_EQ(event.key, call.sequence * 3);
    EXPECT_EQ(event.state == EventState::kInside, event.exit_ns == 0);
    EXPECT_EQ(call.results[0], call.result_count > 0 ? sequence : 0);
    EXPECT_GT(sequence, last[event.thread]);
    last[event.thread] = sequence;
    ++counts[event.thread];
  }
  return counts;
}

class RingWithManyThreads : public testing::TestWithParam<std::uint32_t> {};

// Of eight records, threads that were held up meet those that lapped them; of many, a reader finds
// some that it may believe.
TEST_P(RingWithManyThreads, NeverShowsHalfARecord) {
  constexpr int kThreads = 4;
  Ring ring{{.rank = 0, .world_size = 4, .record_count = GetParam()}};
  std::atomic<bool> is_over = false;
  std::atomic<std::uint64_t> made = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, name = "t" + std::to_string(i)] {
      RingThread& thread = ring.recorder.thread(name);
      std::uint64_t call = 0;
      while (!is_over || call == 0) Ring::make_call(thread, kTp, call++);
      made += call;
    });
  }
  std::uint64_t seen = 0;
  for (int i = 0; i < 60 || (GetParam() > 1000 && seen == 0); ++i) {
    for (const std::uint64_t count : count_whole_calls(ring.read())) seen += count;
    if (testing::Test::HasFailure()) break;
  }
  is_over = true;
  threads.clear();
  const Recording recording = ring.read();
  EXPECT_LE(recording.events.size(), GetParam());
  EXPECT_EQ(recording.lost_count + recording.events.size(), made);
}

INSTANTIATE_TEST_SUITE_P(RingRecorderTest, RingWithManyThreads, testing::Values(8, 4096));

// Runs `body` in a forked process, which it is to end.
int run_child(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

class RingOfAKilledRank : public testing::TestWithParam<bool> {};

TEST_P(RingOfAKilledRank, ShowsWhereItWas) {
  const TempDirectory directory;
  const std::string path = directory.path() / "rank00001.ring";
  const RingOptions options{.rank = 1, .world_size = 4, .run_id = "r1", .record_count = 64};
  const Result<RingMemory> memory =
      GetParam() ? RingMemory::create_file(path, options) : RingMemory::create_anonymous(options);
  ASSERT_TRUE(memory) << memory.error().message;
  const int status = run_child([&] {
    RingRecorder recorder{*memory};
    recorder.stepped(3);
    Ring::make_call(recorder.thread("scheduler"), kTp, 0);
    recorder.thread("scheduler").entered(Ring::call(kCp, 0, 42));
    static_cast<void>(raise(SIGKILL));
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  memory->set_fate(RankFate::kKilled, SIGKILL);
  const std::string copy = directory.path() / "copy.ring";
  ASSERT_TRUE(memory->save(copy));
  for (const Result<Recording>& recording : {memory->read(), read_ring_file(copy)}) {
    ASSERT_TRUE(recording) << recording.error().message;
    EXPECT_EQ(recording->fate, RankFate::kKilled);
    EXPECT_EQ(recording->signal, SIGKILL);
    EXPECT_GT(recording->heartbeat_ns, 0);
    EXPECT_GE(recording->read_ns, recording->heartbeat_ns);
    ASSERT_EQ(recording->events.size(), 2U);
    EXPECT_EQ(recording->events[1].state, EventState::kInside);
    EXPECT_EQ(recording->events[1].key, 42U);
  }
  EXPECT_EQ(std::filesystem::exists(path), GetParam());
}

INSTANTIATE_TEST_SUITE_P(RingRecorderTest, RingOfAKilledRank, testing::Bool());

TEST(RingMemoryTest, FileWithoutRoomIsAnErrorAndLeavesNothing) {
  const TempDirectory directory;
  const std::string path = directory.path() / "rank00000.ring";
  const int status = run_child([&] {
    static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
    const rlimit limit{.rlim_cur = 4096, .rlim_max = 4096};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    const Result<RingMemory> memory = RingMemory::create_file(path, {.record_count = 64});
    if (memory || memory.error().code != ErrorCode::kCannotCreate) _exit(3);
    if (memory.error().message.find(path) == std::string::npos) _exit(4);
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(RingMemoryTest, FileThatExistsIsLeftAlone) {
  const TempDirectory directory;
  const std::string path = directory.path() / "rank00000.ring";
  const Result<RingMemory> first = RingMemory::create_file(path, {.record_count = 16});
  ASSERT_TRUE(first);
  const Result<RingMemory> second = RingMemory::create_file(path, {.record_count = 16});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kCannotCreate);
  EXPECT_TRUE(read_ring_file(path));
}

}  // namespace
}  // namespace radixbench

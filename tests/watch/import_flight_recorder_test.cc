#include "watch/import_flight_recorder.h"

#include "base/random.h"
#include "support/temp_directory.h"
#include "watch/rank_limit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path kSets = fs::path{RADIXBENCH_SOURCE_DIR} / "tests/data/flight-recorder/torch-2.11";

std::string content_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

Recording read(const fs::path& path) {
  Result<Recording> recording = read_flight_recorder_file(path.string());
  if (recording) return std::move(*recording);
  ADD_FAILURE() << recording.error().message;
  return {};
}

Recording parse(const std::string& json) {
  Result<Recording> recording = parse_flight_recorder_dump(json, "dump_0");
  if (recording) return std::move(*recording);
  ADD_FAILURE() << recording.error().message;
  return {};
}

std::string error_of(const std::string& json) {
  const Result<Recording> recording = parse_flight_recorder_dump(json, "dump_0");
  EXPECT_FALSE(recording);
  if (recording) return "";
  EXPECT_EQ(recording.error().code, ErrorCode::kCorrupt);
  return recording.error().message;
}

// Everything of an event but its site.
std::string spell(const Recording& recording, const RecordedEvent& event) {
  std::string text = fmt::format("{} {} {} {} {}",
                                 event.number,
                                 recording.threads[event.thread],
                                 static_cast<int>(event.state),
                                 event.enter_ns,
                                 event.exit_ns);
  const auto* call = std::get_if<RecordedCall>(&event.what);
  if (call == nullptr) return text + " no call";
  const RecordedGroup& group = recording.groups[call->group];
  return text + fmt::format(" {} {} {} {} {} {} {} {}",
                            group.name,
                            group.ordinal,
                            fmt::join(group.members, ","),
                            to_string(call->kind),
                            to_string(call->type),
                            call->root,
                            call->element_count,
                            call->sequence);
}

std::vector<std::string> spell(const Recording& recording) {
  std::vector<std::string> lines;
  for (const RecordedEvent& event : recording.events) lines.push_back(spell(recording, event));
  return lines;
}

// {"entries": [...]} of rows that differ from a scheduled all-reduce by what is told of them.
std::string dump(const std::vector<std::string>& rows, const std::string& version = "2.10") {
  std::string entries;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    entries += fmt::format(
        R"({}{{"record_id": {}, "process_group": ["7", "tp"], "collective_seq_id": {},
        "profiling_name": "nccl:all_reduce", "input_sizes": [[2]], "input_dtypes": ["Int"],
        "state": "scheduled", "retired": false, "time_created_ns": 100{}{}}})",
        i == 0 ? "" : ",",
        i,
        i + 1,
        rows[i].empty() ? "" : ", ",
        rows[i]);
  }
  return fmt::format(
      R"({{"version": "{}", "entries": [{}],
      "pg_config": {{"7": {{"name": "7", "desc": "tp", "ranks": "[0, 3]"}}}}}})",
      version,
      entries);
}

const RecordedCall& call_of(const Recording& recording, std::size_t event) {
  return std::get<RecordedCall>(recording.events.at(event).what);
}

TEST(ImportFlightRecorderTest, BothFormsOfADumpAreOneRecording) {
  std::size_t pairs = 0;
  for (const auto& entry : fs::recursive_directory_iterator{kSets}) {
    const fs::path path = entry.path();
    if (!entry.is_regular_file() || !path.extension().empty()) continue;
    SCOPED_TRACE(path.string());
    const Recording pickle = read(path);
    EXPECT_EQ(std::to_string(pickle.rank), path.filename().string().substr(5));
    EXPECT_THAT(pickle.events, Not(IsEmpty()));
    const fs::path twin = path.string() + ".json";
    if (!fs::exists(twin)) continue;
    ++pairs;
    const Recording json = read(twin);
    EXPECT_EQ(json.rank, pickle.rank);
    EXPECT_EQ(json.lost_count, pickle.lost_count);
    EXPECT_EQ(spell(json), spell(pickle));
    // JSON has no stacks.
    EXPECT_THAT(json.sites, ElementsAre("none"));
    std::vector<std::string> blind = json.not_visible;
    EXPECT_EQ(std::erase(blind, "sites"), 1U);
    EXPECT_EQ(blind, pickle.not_visible);
  }
  EXPECT_EQ(pairs, 15U);
}

TEST(ImportFlightRecorderTest, AGroupsCallsAreWithoutGaps) {
  for (const auto& entry : fs::recursive_directory_iterator{kSets}) {
    if (!entry.is_regular_file() || !entry.path().extension().empty()) continue;
    SCOPED_TRACE(entry.path().string());
    const Recording recording = read(entry.path());
    std::map<std::uint32_t, std::uint64_t> next;
    for (std::size_t i = 0; i < recording.events.size(); ++i) {
      EXPECT_EQ(call_of(recording, i).sequence, next[call_of(recording, i).group]++);
    }
  }
}

TEST(ImportFlightRecorderTest, NcclTellsMembersAndWhatIsStuck) {
  const Recording recording = read(kSets / "nccl_skipped_call/dump_0");
  ASSERT_EQ(recording.groups.size(), 3U);
  EXPECT_EQ(recording.groups[0].name, "attn_cp");
  EXPECT_EQ(recording.groups[0].ordinal, 2U);
  EXPECT_THAT(recording.groups[0].members, ElementsAre(0, 4));
  EXPECT_THAT(recording.groups[1].members, ElementsAre(0, 1, 2, 3));
  const RecordedEvent& last = recording.events.back();
  EXPECT_EQ(last.state, EventState::kInside);
  EXPECT_EQ(last.exit_ns, 0);
  EXPECT_EQ(call_of(recording, 55).group, 0U);
  EXPECT_EQ(call_of(recording, 55).sequence, 23U);
  EXPECT_THAT(recording.not_visible,
              ElementsAre("results", "reduce_op", "root", "guards", "creations"));
  const auto has_left = [](const RecordedEvent& event) {
    return event.state == EventState::kLeft && event.exit_ns > event.enter_ns;
  };
  EXPECT_EQ(std::ranges::count_if(recording.events, has_left), 55);
  EXPECT_THAT(recording.sites,
              Contains("ar < attn_reduce < writing_check < run (/opt/serving/kvcache/sched.py:7)"));
}

TEST(ImportFlightRecorderTest, GlooTellsNoMembersAndNoTimes) {
  const Recording recording = read(kSets / "gloo_skipped_call/dump_0");
  ASSERT_EQ(recording.groups.size(), 3U);
  EXPECT_EQ(recording.groups[0].name, "attn_world");
  for (const RecordedGroup& group : recording.groups) EXPECT_THAT(group.members, IsEmpty());
  EXPECT_EQ(call_of(recording, 0).kind, CallKind::kBroadcast);
  EXPECT_EQ(call_of(recording, 0).element_count, 4U);
  EXPECT_EQ(recording.events.front().state, EventState::kLeft) << "retired is all that gloo says";
  EXPECT_EQ(recording.events.back().state, EventState::kInside);
  for (const char* unseen : {"members", "exit_times", "failures"}) {
    EXPECT_THAT(recording.not_visible, Contains(unseen));
  }
}

TEST(ImportFlightRecorderTest, EveryVersionFromTwoIsRead) {
  for (int minor = 0; minor <= 11; ++minor) {
    EXPECT_EQ(parse(dump({""}, fmt::format("2.{}", minor))).events.size(), 1U) << minor;
  }
  for (const char* version : {"1.5", "2.12", "2.", "3.0", "two"}) {
    EXPECT_EQ(error_of(dump({""}, version)), "dump_0: version: must be 2.0 to 2.11");
  }
  EXPECT_EQ(error_of("{}"), "dump_0: version: must be 2.0 to 2.11");
  EXPECT_EQ(error_of("[]"), "dump_0: no dump of a flight recorder");
}

TEST(ImportFlightRecorderTest, RetiredMeansFailedOnlyWhereCompletionIsTold) {
  const Recording recording =
      parse(dump({R"("retired": true)",
                  R"("retired": true, "profiling_name": "gloo:all_reduce")",
                  R"("state": "completed", "time_discovered_completed_ns": 130)",
                  R"("state": "started")"}));
  ASSERT_EQ(recording.events.size(), 4U);
  EXPECT_EQ(recording.events[0].state, EventState::kFailed);
  EXPECT_EQ(recording.events[1].state, EventState::kLeft);
  EXPECT_EQ(recording.events[2].state, EventState::kLeft);
  EXPECT_EQ(recording.events[2].exit_ns, 130);
  EXPECT_EQ(recording.events[3].state, EventState::kInside);
}

TEST(ImportFlightRecorderTest, SendsAndReceivesCountByPeer) {
  const auto p2p = [](const char* name) {
    return fmt::format(R"("profiling_name": "nccl:{}", "is_p2p": true, "collective_seq_id": 0)",
                       name);
  };
  const Recording recording = parse(dump({p2p("send 0->1"),
                                          p2p("recv 0<-1"),
                                          p2p("send 0->1"),
                                          p2p("send 0->2"),
                                          p2p("recvAnysource 0<-?"),
                                          p2p("coalesced")}));
  ASSERT_EQ(recording.events.size(), 6U);
  EXPECT_EQ(call_of(recording, 0).kind, CallKind::kSend);
  EXPECT_EQ(call_of(recording, 0).root, 1U);
  EXPECT_EQ(call_of(recording, 1).kind, CallKind::kRecv);
  EXPECT_EQ(call_of(recording, 1).sequence, 0U);
  EXPECT_EQ(call_of(recording, 2).sequence, 1U);
  EXPECT_EQ(call_of(recording, 3).root, 2U);
  EXPECT_EQ(call_of(recording, 3).sequence, 0U);
  EXPECT_EQ(call_of(recording, 4).root, UINT32_MAX) << "from anybody";
  EXPECT_TRUE(std::holds_alternative<RecordedActivity>(recording.events[5].what));
}

TEST(ImportFlightRecorderTest, ABatchIsOneCallInTheStateOfItsLastRow) {
  const Recording recording = parse(
      dump({R"("profiling_name": "nccl:_broadcast_oop", "collective_seq_id": 4)",
            R"("profiling_name": "nccl:_broadcast_oop", "collective_seq_id": 4)",
            R"("profiling_name": "nccl:coalesced", "collective_seq_id": 4, "state": "completed",
               "time_discovered_completed_ns": 200)",
            R"("collective_seq_id": 5)"}));
  ASSERT_EQ(recording.events.size(), 4U);
  EXPECT_EQ(call_of(recording, 0).kind, CallKind::kBroadcast);
  EXPECT_EQ(call_of(recording, 0).sequence, 3U);
  EXPECT_EQ(recording.events[0].state, EventState::kLeft);
  EXPECT_EQ(recording.events[0].exit_ns, 200);
  EXPECT_TRUE(std::holds_alternative<RecordedActivity>(recording.events[2].what));
  EXPECT_EQ(call_of(recording, 3).sequence, 4U);
}

TEST(ImportFlightRecorderTest, WhatARecordingCannotHoldIsSaid) {
  const Recording recording = parse(dump(
      {R"("profiling_name": "nccl:_reduce_scatter_base", "input_dtypes": ["Float8_e9m9"])",
       R"("input_sizes": [[4, 4], [3]], "input_dtypes": ["Long", "Long"], "new_field": [{}])",
       R"("input_sizes": [[4000000000, 4000000000, 4000000000]])",
       R"("input_sizes": [], "input_dtypes": [], "output_sizes": [[5]], "output_dtypes": ["Long"])",
       R"("profiling_name": "nccl:all_reduce_barrier")"}));
  ASSERT_EQ(recording.events.size(), 5U);
  EXPECT_EQ(recording.sites.at(recording.events[0].site), "_reduce_scatter_base");
  EXPECT_THAT(recording.not_visible, Contains("kind of _reduce_scatter_base"));
  EXPECT_THAT(recording.not_visible, Contains("element_type"));
  EXPECT_EQ(call_of(recording, 1).element_count, 19U);
  EXPECT_EQ(call_of(recording, 1).type, ElementType::kInt64);
  EXPECT_EQ(call_of(recording, 2).element_count, UINT32_MAX);
  EXPECT_EQ(call_of(recording, 3).element_count, 5U);
  EXPECT_EQ(call_of(recording, 4).kind, CallKind::kBarrier);
  EXPECT_EQ(call_of(recording, 4).element_count, 0U);
}

TEST(ImportFlightRecorderTest, RowsAreOldestFirstAndLostOnesAreCounted) {
  const Recording recording = parse(dump({R"("record_id": 9)", R"("record_id": "7")"}));
  ASSERT_EQ(recording.events.size(), 2U);
  EXPECT_EQ(recording.events[0].number, 7U);
  EXPECT_EQ(recording.lost_count, 7U);
  EXPECT_THAT(recording.not_visible, Contains("calls that were over")) << "8 is not there";
}

TEST(ImportFlightRecorderTest, SitesAreOfTheUsersCode) {
  const Recording recording =
      parse(dump({R"("frames": [{"name": "all_reduce", "filename": "/torch/x-packages/torch/d.py"},
           {"name": "check", "line": 12, "filename": "/torch/serving/control.py"},
           {"name": "step", "line": 90, "filename": "/torch/serving/loop.py"},
           {"name": "inner", "line": 5, "filename": "/x-packages/torch/utils/c.py"},
           {"name": "main", "line": 1, "filename": "main.py"}])",
                  R"("frames": [{"name": "send", "line": 0, "filename": "??"}])"}));
  ASSERT_EQ(recording.events.size(), 2U);
  EXPECT_EQ(recording.sites.at(recording.events[0].site),
            "check < step (/torch/serving/control.py:12)");
  EXPECT_EQ(recording.events[1].site, 0U);
}

TEST(ImportFlightRecorderTest, MembersThatMakeNoSenseAreNone) {
  for (const char* ranks :
       {"range(4)", "[0, 0]", "[0, -1]", "[1,,2]", "[", "[99999999999999999999]"}) {
    std::string text = dump({""});
    text.replace(text.find("[0, 3]"), 6, ranks);
    const Recording recording = parse(text);
    EXPECT_THAT(recording.groups.at(0).members, IsEmpty()) << ranks;
    EXPECT_THAT(recording.not_visible, Contains("members")) << ranks;
  }
}

TEST(ImportFlightRecorderTest, AListBeyondAnyJobIsRefused) {
  const auto text_with = [](Rank count) {
    std::vector<Rank> ranks(count);
    std::iota(ranks.begin(), ranks.end(), Rank{0});
    std::string text = dump({""});
    text.replace(text.find("[0, 3]"), 6, fmt::format("[{}]", fmt::join(ranks, ", ")));
    return text;
  };
  EXPECT_EQ(parse(text_with(kRecordedRanksMax)).groups.at(0).members.size(), kRecordedRanksMax);
  const std::string refusal = "dump_0: pg_config: 7: ranks: must be below 262144, each once";
  EXPECT_EQ(error_of(text_with(kRecordedRanksMax + 1)), refusal);
  std::string text = dump({""});
  text.replace(text.find("[0, 3]"), 6, "[0, 2147483648]");
  EXPECT_EQ(error_of(text), refusal);
}

TEST(ImportFlightRecorderTest, GroupsOfTooManyMembersTogetherAreRefused) {
  std::vector<Rank> ranks(200'000);
  std::iota(ranks.begin(), ranks.end(), Rank{0});
  const std::string list = fmt::format("[{}]", fmt::join(ranks, ","));
  std::vector<std::string> groups;
  for (int group = 0; group < 21; ++group) {
    groups.push_back(fmt::format(R"("{}": {{"desc": "tp", "ranks": "{}"}})", group, list));
  }
  EXPECT_EQ(error_of(fmt::format(R"({{"version": "2.10", "entries": [], "pg_config": {{{}}}}})",
                                 fmt::join(groups, ","))),
            "dump_0: pg_config: groups of more than 4000000 members");
}

TEST(ImportFlightRecorderTest, ErrorsNameTheField) {
  EXPECT_EQ(error_of(dump({"", R"("collective_seq_id": -2)"})),
            "dump_0: record_id 1: collective_seq_id: must be a whole number from 0");
  EXPECT_THAT(error_of(dump({R"("profiling_name": 3)"})),
              HasSubstr("profiling_name: must be text"));
  EXPECT_THAT(error_of(dump({R"("process_group": 3)"})), HasSubstr("process_group: must be"));
  EXPECT_THAT(error_of(dump({R"("record_id": 9223372036854775807)"})), HasSubstr("record_id"));
  EXPECT_EQ(error_of(R"({"version": "2.1", "entries": [3]})"),
            "dump_0: entries[0]: must be a dict");
  EXPECT_EQ(error_of(R"({"version": "2.1", "entries": 3})"), "dump_0: entries: must be a list");
  EXPECT_THAT(error_of(R"({"version": )"), HasSubstr("dump_0: byte "));
  for (const char* word : {"nulx", "trux", "-", "1.", "\"\\q\"", "[1,]", "{\"a\" 1}"}) {
    EXPECT_THAT(error_of(fmt::format(R"({{"version": {}}})", word)), HasSubstr("not valid JSON"));
  }
  EXPECT_THAT(error_of(std::string(100, '[') + std::string(100, ']')), HasSubstr("not valid JSON"));
  EXPECT_EQ(error_of(""), "dump_0: byte 0: ends where 1 more bytes belong");
}

TEST(ImportFlightRecorderTest, TheRankEndsTheName) {
  const std::string text = dump({""});
  for (const char* name : {"x/nccl_trace_rank_12", "host7_12", "_dump_12", "12", "a/12.json"}) {
    const Result<Recording> recording = parse_flight_recorder_dump(text, name);
    ASSERT_TRUE(recording) << name;
    EXPECT_EQ(recording->rank, 12U) << name;
  }
  for (const char* name :
       {"dump", "dump_3.txt", "rank_99999999999", "dump_2147483647", "12/dump"}) {
    const Result<Recording> recording = parse_flight_recorder_dump(text, name);
    ASSERT_FALSE(recording) << name;
    EXPECT_EQ(recording.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(recording.error().message, HasSubstr(name));
  }
  const Result<Recording> absent = read_flight_recorder_file("absent/dump_1");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
}

void expect_sound(const Recording& recording) {
  for (const RecordedEvent& event : recording.events) {
    ASSERT_LT(event.site, recording.sites.size());
    ASSERT_LT(event.thread, recording.threads.size());
    if (const auto* call = std::get_if<RecordedCall>(&event.what)) {
      ASSERT_LT(call->group, recording.groups.size());
    }
  }
  EXPECT_TRUE(std::ranges::is_sorted(recording.events, {}, &RecordedEvent::number));
}

// Aborting a communicator "completes" a kernel that was stuck in it.
TEST(ImportFlightRecorderTest, CallThatEndedAtItsTimeoutWasGivenUp) {
  const Recording recording =
      parse(dump({R"("state": "completed", "timeout_ms": 1000, "time_created_ns": 1, )"
                  R"("time_discovered_completed_ns": 990000001)",
                  R"("state": "completed", "timeout_ms": 1000, "time_created_ns": 1, )"
                  R"("time_discovered_completed_ns": 400000001)"}));
  ASSERT_EQ(recording.events.size(), 2U);
  EXPECT_EQ(recording.events[0].state, EventState::kFailed);
  EXPECT_EQ(recording.events[1].state, EventState::kLeft);
}

// The dump itself notices what the watchdog had not yet retired.
TEST(ImportFlightRecorderTest, LastCallsTellHowLongTheRankHadBeenIdle) {
  const Recording recording = parse(dump(
      {R"("state": "completed", "time_created_ns": 1000, "time_discovered_completed_ns": 9000)",
       R"("time_created_ns": 4000)"}));
  EXPECT_EQ(recording.idle_ns, 5000);
  EXPECT_EQ(parse(dump({""})).idle_ns, std::nullopt);
}

// Found by fuzzing: the difference of two such times has no 64 bits.
TEST(ImportFlightRecorderTest, TimesBeforeTheEpochAreNotKnown) {
  const Recording recording =
      parse(dump({R"("state": "completed", "time_created_ns": -7428372036370004650, )"
                  R"("time_discovered_completed_ns": 1795000000594124221)"}));
  ASSERT_EQ(recording.events.size(), 1U);
  EXPECT_EQ(recording.events[0].enter_ns, 0);
  EXPECT_EQ(recording.events[0].exit_ns, 1795000000594124221);
  EXPECT_EQ(recording.events[0].state, EventState::kLeft);
}

TEST(ImportFlightRecorderTest, AFilesTimeIsKept) {
  const TempDirectory directory;
  const fs::path path = directory.path() / "dump_0";
  std::ofstream{path} << dump({""});
  constexpr std::int64_t kWrittenNs = 1'800'000'000'000'000'000;
  fs::last_write_time(
      path,
      std::chrono::file_clock::from_sys(
          std::chrono::sys_time<std::chrono::nanoseconds>{std::chrono::nanoseconds{kWrittenNs}}));
  EXPECT_EQ(read(path).read_ns, kWrittenNs);
  EXPECT_EQ(parse(dump({""})).read_ns, 0);
}

TEST(ImportFlightRecorderTest, ProgressOfGroupsIsKeptWithTheirSlots) {
  const Recording recording = parse(
      R"({"version": "2.10", "pg_config": {}, "entries": [], "pg_status": {
        "5": {"last_enqueued_collective": "12", "last_started_collective": "-1",
              "last_completed_collective": "11"}}})");
  ASSERT_EQ(recording.progress.size(), 1U);
  EXPECT_EQ(recording.progress[0].slot, 5U);
  EXPECT_EQ(recording.progress[0].enqueued, 12);
  EXPECT_EQ(recording.progress[0].completed, 11);
  EXPECT_TRUE(recording.holds_only_unfinished);
}

TEST(ImportFlightRecorderTest, SignatureIsWhatMembersMustShare) {
  const Recording recording = parse(
      dump({"", R"("profiling_name": "nccl:all_to_all")", R"("output_sizes": [[2, 3], [4]])"}));
  const auto signature = [&](std::size_t event) {
    return recording.signatures.at(call_of(recording, event).signature);
  };
  EXPECT_EQ(signature(0), (RecordedSignature{"all_reduce", "Int", "[2]->"}));
  EXPECT_EQ(signature(1), (RecordedSignature{"all_to_all", "", ""}));
  EXPECT_EQ(signature(2), (RecordedSignature{"all_reduce", "Int", "[2]->[2,3][4]"}));
}

TEST(ImportFlightRecorderTest, NoBytesBreakTheImport) {
  const std::uint64_t seed = std::mt19937_64{std::random_device{}()}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random{seed, "dumps"};
  for (const char* name : {"dump_0", "dump_0.json"}) {
    const std::string whole = content_of(kSets / "nccl_skipped_call" / name);
    ASSERT_FALSE(whole.empty());
    for (int round = 0; round < 500; ++round) {
      std::string bytes = whole;
      const std::uint64_t changes = 1 + random.below(8);
      for (std::uint64_t i = 0; i < changes; ++i) {
        bytes[random.below(bytes.size())] ^= static_cast<char>(1U << random.below(8));
      }
      if (random.below(8) == 0) bytes.resize(random.below(bytes.size()));
      const Result<Recording> recording = parse_flight_recorder_dump(bytes, name);
      if (recording) {
        expect_sound(*recording);
      } else {
        EXPECT_THAT(recording.error().message, HasSubstr(name));
      }
    }
  }
}

}  // namespace
}  // namespace radixbench
